// Hands each record to an object of the user that is opened and closed around the batch.
#pragma once

#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/stream_operators.hpp>

#include <fmt/core.h>

#include <exception>
#include <optional>
#include <vector>

namespace weir {

namespace detail {

/// One writer per hosted partition, copied from a prototype once per start and used batch by batch.
template <class T, class Writer>
class writer_sink final : public sink<T> {
public:
  explicit writer_sink(Writer prototype) : prototype_(std::move(prototype)) {}

  expected<void> open(const replica_context& context) override {
    context_ = context;
    return {};
  }

  expected<void> begin(const batch& whole) override {
    failure_.reset();
    whole_ = &whole;
    const auto partitions = whole.nodes[context_.node.value].input_partitions;
    for (std::uint32_t p = context_.index; p < partitions; p += context_.replicas) {
      const std::size_t local = p / context_.replicas;
      while (lanes_.size() <= local)
        lanes_.push_back({.writer = prototype_});
      auto& one = lanes_[local];
      one.to_close = true;
      one.wants = false;
      auto opened = guarded("open", [&] { one.wants = one.writer.open(partition_id(p), whole); });
      if (!opened)
        return opened;
    }
    return {};
  }

  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    auto& one = lanes_[in.partition.value / context_.replicas];
    if (one.wants) {
      auto done = guarded("process", [&] {
        for (; written < in.records.size(); ++written)
          one.writer.process(in.records[written]);
      });
      if (!done)
        return std::move(done).error();
    }
    written = in.records.size();
    return progress::done;
  }

  expected<progress> commit() override {
    for (auto& one : lanes_)
      if (std::exchange(one.to_close, false)) {
        const error* nothing = nullptr;
        if (auto closed = guarded("close", [&] { one.writer.close(nothing); }); !closed)
          return std::move(closed).error();
      }
    return progress::done;
  }

  void abort() noexcept override {
    const auto why = failure_.value_or(
        error(errc::stopped, "the batch was aborted before it was complete; it may be read again"));
    for (auto& one : lanes_)
      if (std::exchange(one.to_close, false))
        if (auto closed = guarded("close", [&] { one.writer.close(&why); }); !closed)
          context_.log(log_level::warning, closed.error().message());
  }

private:
  struct lane {
    Writer writer;
    bool wants = false;    ///< `open` returned true.
    bool to_close = false; ///< `open` was tried in this batch.
  };

  /// @returns errc::user_function_failed when `call` throws.
  template <class Call>
  expected<void> guarded(std::string_view what, Call&& call) {
    try {
      call();
      return {};
    } catch (const std::exception& e) {
      return failed(what, e.what());
    } catch (...) {
      return failed(what, "an exception that is no std::exception");
    }
  }
  error failed(std::string_view what, std::string_view why) {
    failure_ = error(errc::user_function_failed,
                     fmt::format("'for_each': {} of the user's writer threw: {} in {}; the batch's "
                                 "offsets are not committed",
                                 what, why, describe_ranges(*whole_)));
    return *failure_;
  }

  Writer prototype_;
  replica_context context_;
  const batch* whole_ = nullptr;
  std::vector<lane> lanes_; ///< By partition / replicas.
  std::optional<error> failure_;
};

} // namespace detail

template <class Derived, class T>
template <record_writer<T> Writer>
void stream_operators<Derived, T>::for_each(Writer writer, writer_options options,
                                            here where) const {
  using sink_type = detail::writer_sink<T, Writer>;
  add_sink({.traits = {.name = "for_each", .parallel = true, .blocking = options.blocking},
            .make = [writer = std::move(writer)] { return std::make_unique<sink_type>(writer); }},
           "for_each", false, where);
}

} // namespace weir
