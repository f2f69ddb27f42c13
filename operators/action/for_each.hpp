// Hands whole batches, or whole partitions, to a function of the user.
#pragma once

#include <weir/operators/detail/partition_blocks.hpp>
#include <weir/operators/stream_operators.hpp>

namespace weir {

namespace detail {

/// Keeps a batch's blocks until all are there, then calls the user's function in `commit`.
template <class T, class Use>
class collecting_sink : public sink<T> {
public:
  collecting_sink(std::string kind, Use use) : kind_(std::move(kind)), use_(std::move(use)) {}

  expected<void> open(const replica_context& context) override {
    blocks_.open(context);
    return {};
  }
  expected<void> begin(const batch& whole) override {
    whole_ = &whole;
    return {};
  }
  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    if (auto kept = blocks_.keep({in.data, in.partition}); !kept)
      return std::move(kept).error();
    written = in.records.size();
    return progress::done;
  }
  expected<progress> commit() override {
    try {
      use_(*whole_, blocks_.views(*whole_));
    } catch (const std::exception& e) {
      return failed(e.what());
    } catch (...) {
      return failed("an exception that is no std::exception");
    }
    blocks_.clear();
    return progress::done;
  }
  void abort() noexcept override { blocks_.clear(); }

private:
  error failed(std::string_view what) {
    blocks_.clear();
    return error(
        errc::user_function_failed,
        fmt::format(
            "'{}': the user's function threw: {} in {}; the batch's offsets are not committed",
            kind_, what, describe_ranges(*whole_)));
  }

  std::string kind_;
  Use use_;
  partition_blocks<T> blocks_;
  const batch* whole_ = nullptr;
};

} // namespace detail

template <class Derived, class T>
template <operator_function<batch_view<T>> F>
void stream_operators<Derived, T>::for_each_batch(F use, here where) const {
  auto whole = [use = std::move(use)](const batch& b,
                                      std::vector<partition_view<T>> partitions) mutable {
    std::invoke(use, batch_view<T>(b, std::move(partitions)));
  };
  using sink_type = detail::collecting_sink<T, decltype(whole)>;
  add_sink({.traits = {.name = "for_each_batch"},
            .make = [whole = std::move(
                         whole)] { return std::make_unique<sink_type>("for_each_batch", whole); }},
           "for_each_batch", true, where);
}

template <class Derived, class T>
template <operator_function<partition_view<T>> F>
void stream_operators<Derived, T>::for_each_partition(F use, here where) const {
  auto each = [use = std::move(use)](const batch&,
                                     const std::vector<partition_view<T>>& partitions) mutable {
    for (const auto& partition : partitions)
      std::invoke(use, partition);
  };
  using sink_type = detail::collecting_sink<T, decltype(each)>;
  add_sink({.traits = {.name = "for_each_partition", .parallel = true},
            .make =
                [each = std::move(each)] {
                  return std::make_unique<sink_type>("for_each_partition", each);
                }},
           "for_each_partition", true, where);
}

} // namespace weir
