// A source whose records are pushed by threads that are not the job's. Next: receiver.hpp,
// inlet.hpp.
#pragma once

#include <weir/connectors/push/options.hpp>
#include <weir/connectors/push/push_buffer.hpp>
#include <weir/connectors/range_receiver.hpp>
#include <weir/operators/stream.hpp>

#include <fmt/core.h>

namespace weir::detail {

/// What a push source starts and stops beside its buffers. All calls from the control thread.
class push_supervision {
public:
  virtual ~push_supervision() = default;
  virtual void begin(const source_setup&) {}
  virtual void end() {}
  /// The errors since the last call.
  virtual std::vector<error> take_errors() { return {}; }
};

/// Emits the planned blocks of the partitions of one replica.
template <class T>
class push_replica final : public range_receiver {
public:
  explicit push_replica(std::vector<std::shared_ptr<push_buffer<T>>> buffers)
      : buffers_(std::move(buffers)) {}

  expected<void> open(const replica_context& context) override {
    set_readers(context, context.wake);
    return range_receiver::open(context);
  }

  void close() noexcept override { set_readers(context(), nullptr); }

private:
  void set_readers(const replica_context& context, const std::function<void()>& wake) {
    for (std::size_t p = context.index; p < buffers_.size(); p += context.replicas)
      buffers_[p]->set_reader(wake);
  }

  expected<void> read(offset_range& range, emitter& out) override {
    const auto partition = static_cast<std::uint32_t>(range.partition);
    auto [data, until] = buffers_[partition]->read(range.from);
    if (!data)
      return error(errc::internal,
                   fmt::format("no block begins at position {} of '{}'", range.from, range.topic));
    out.emit(partition_id(partition), std::move(data));
    range.from = until;
    return {};
  }

  /// The rate is held at the other end.
  expected<received> read_on(emitter& out) override {
    for (std::size_t visited = 0; visited < ranges(); ++visited) {
      auto& range = next_range();
      const auto partition = static_cast<std::uint32_t>(range.partition);
      auto [data, until] = buffers_[partition]->read_on(range.from);
      if (!data)
        continue;
      out.emit(partition_id(partition), std::move(data));
      range.from = until;
      return received::records;
    }
    return received::nothing;
  }

  std::vector<std::shared_ptr<push_buffer<T>>> buffers_;
};

/// One buffer per partition. Positions are record numbers.
template <class T>
class push_source final : public source {
public:
  push_source(push_options options, std::vector<std::shared_ptr<push_buffer<T>>> buffers,
              std::unique_ptr<push_supervision> supervision)
      : options_(std::move(options)), buffers_(std::move(buffers)),
        supervision_(std::move(supervision)) {}

  expected<void> open(const source_setup& setup) override {
    setup_ = setup;
    const auto interval = std::min(options_.block_interval, setup.batch_interval);
    auto& time = setup.host->clock();
    gate_ = std::make_shared<rate_gate>(time, options_.max_rate, interval);
    const auto share = std::max<std::size_t>(setup.memory_share / buffers_.size(), 1);
    if (!options_.write_ahead_log.folder.empty())
      if (auto opened = open_logs(); !opened)
        return opened;
    for (std::size_t p = 0; p < buffers_.size(); ++p)
      buffers_[p]->attach(
          {.bytes = options_.max_bytes ? std::min(options_.max_bytes, share) : share,
           .records = options_.max_records ? options_.max_records : SIZE_MAX,
           .block = setup.limits,
           .block_interval = interval},
          time, gate_, logs_.empty() ? nullptr : logs_[p].get(), options_.write_ahead_log);
    for (std::size_t p = 0; p < logs_.size(); ++p)
      logs_[p]->begin(*setup.host, fmt::format("log{}", p),
                      [buffer = buffers_[p]](std::int64_t until) { buffer->durable(until); });
    return {};
  }

  std::unique_ptr<receiver> make_receiver(std::uint32_t) override {
    return std::make_unique<push_replica<T>>(buffers_);
  }

  void rate_changed(std::optional<double> per_second, rate_unit unit) override {
    gate_->set_rate(per_second, unit);
  }

  void poll() override {
    if (!std::exchange(begun_, true))
      supervision_->begin(setup_);
  }

  expected<std::vector<partition_position>> survey() override {
    std::vector<partition_position> unread;
    for (std::size_t p = 0; p < buffers_.size(); ++p) {
      const auto latest = buffers_[p]->received();
      unread.push_back({.topic = options_.name,
                        .partition = static_cast<std::int32_t>(p),
                        .position = buffers_[p]->planned(),
                        .latest = latest});
    }
    return unread;
  }

  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    source_batch work;
    for (std::size_t p = 0; p < unread.size(); ++p)
      work.ranges.push_back({.topic = options_.name,
                             .partition = unread[p].partition,
                             .from = unread[p].position,
                             .until = buffers_[p]->plan(unread[p].latest, limits[p]),
                             .latest = unread[p].latest});
    return work;
  }

  [[nodiscard]] bool runs_continuously() const override { return true; }

  void completed(const batch& whole, const source_batch& work) override {
    for (std::size_t p = 0; p < work.ranges.size(); ++p) {
      buffers_[p]->complete(work.ranges[p].until);
      if (whole.open_ended) // nothing behind it is planned yet
        buffers_[p]->rewind(work.ranges[p].until);
    }
  }

  void rewind(const source_batch& first) override {
    for (std::size_t p = 0; p < first.ranges.size(); ++p)
      buffers_[p]->rewind(first.ranges[p].from);
  }

  /// Receivers stay until the end, so that they hear of the last acknowledgements.
  void drain() override { detach(); }

  [[nodiscard]] std::uint64_t unplanned() const override {
    std::uint64_t all = 0;
    for (const auto& buffer : buffers_)
      all += buffer->unplanned();
    return all;
  }

  [[nodiscard]] bool ended() const override {
    return std::all_of(buffers_.begin(), buffers_.end(),
                       [](const auto& buffer) { return buffer->ended(); });
  }

  [[nodiscard]] std::vector<error> take_errors() override {
    auto errors = supervision_->take_errors();
    for (const auto& log : logs_)
      for (auto& e : log->take_errors())
        errors.push_back(std::move(e));
    return errors;
  }

  expected<void> close(duration) override {
    detach();
    end_supervision();
    for (std::size_t p = 0; p < logs_.size(); ++p) {
      logs_[p]->end();
      if (const auto unlogged = buffers_[p]->release_log(); unlogged > 0)
        setup_.host->log(log_level::error, "weir.receiver",
                         fmt::format("{} records of '{}' were taken and could not be logged; an "
                                     "inlet keeps them for the next start in this process",
                                     unlogged, options_.name));
    }
    logs_.clear();
    return {};
  }

private:
  /// Puts what the logs hold at the head of the buffers.
  expected<void> open_logs() {
    auto opened = open_journals(options_, buffers_.size());
    if (!opened)
      return std::move(opened).error();
    logs_ = std::move(*opened);
    for (std::size_t p = 0; p < logs_.size(); ++p) {
      auto found = logs_[p]->take_recovery();
      struct {
        push_buffer<T>* buffer;
        std::int64_t position;
        std::int64_t complete;
      } to{buffers_[p].get(), found.next, found.complete};
      if (!found.records.empty())
        to.position = found.records.front().first;
      to.buffer->continue_at(std::max(to.position, to.complete), std::move(found.origins));
      for (const auto& group : found.records) {
        std::string_view bytes = group.bytes;
        for (std::uint32_t i = 0; i < group.count; ++i) {
          auto decoded =
              options_.write_ahead_log.decode(bytes, &to, [](void* into, const void* record) {
                auto& at = *static_cast<decltype(to)*>(into);
                if (at.position++ >= at.complete)
                  at.buffer->restore(*static_cast<const T*>(record));
              });
          if (!decoded)
            return std::move(decoded).error().with("write-ahead log of '" + options_.name + "'");
        }
        if (!bytes.empty())
          return error(errc::decode,
                       fmt::format("write-ahead log of '{}': {} bytes are left behind the last of "
                                   "{} records; was it written as another type than it is read?",
                                   options_.name, bytes.size(), group.count));
      }
    }
    return {};
  }

  void detach() {
    for (const auto& buffer : buffers_)
      buffer->detach();
  }
  void end_supervision() {
    if (std::exchange(begun_, true) && !std::exchange(ended_, true))
      supervision_->end();
  }

  push_options options_;
  std::vector<std::shared_ptr<push_buffer<T>>> buffers_;
  std::unique_ptr<push_supervision> supervision_;
  std::vector<std::unique_ptr<journal>> logs_; ///< By partition; empty without a log.
  source_setup setup_;
  std::shared_ptr<rate_gate> gate_;
  bool begun_ = false;
  bool ended_ = false; ///< Of the supervision.
};

template <class T>
std::vector<error> mistakes_in(const push_options& options) {
  std::vector<error> mistakes;
  if (options.block_interval < std::chrono::milliseconds(1))
    mistakes.emplace_back(errc::invalid_config,
                          fmt::format("block_interval of '{}' is {} ns; at least 1 ms is needed",
                                      options.name, options.block_interval.count()));
  if (options.max_rate && !(*options.max_rate > 0))
    mistakes.emplace_back(errc::invalid_config,
                          fmt::format("max_rate of '{}' is {}; it must be above 0 records/s",
                                      options.name, *options.max_rate));
  const auto& log = options.write_ahead_log;
  if (!log.folder.empty() && (!log.type || *log.type != typeid(T)))
    mistakes.emplace_back(errc::invalid_config,
                          fmt::format("write_ahead_log of '{}' is not one of the record type; set "
                                      "it to weir::write_ahead<T>(folder)",
                                      options.name));
  return mistakes;
}

} // namespace weir::detail
