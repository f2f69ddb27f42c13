// Receivers that users write: they are started, hand records to weir, and are stopped. Next:
// push_source.hpp.
#pragma once

#include <weir/connectors/push/push_source.hpp>
#include <weir/connectors/push/receiver_supervisor.hpp>

#include <ranges>
#include <stdexcept>

namespace weir {

/// What a receiver is given by `on_start`: where its records go, and whom it tells of trouble.
/// Cheap to copy; thread-safe; usable from any thread until the receiver ends. The next start gives
/// the same handle again.
template <class T>
class receiver_handle {
public:
  receiver_handle(std::shared_ptr<detail::push_buffer<T>> to,
                  std::shared_ptr<detail::receiver_supervisor> supervisor)
      : to_(std::move(to)), supervisor_(std::move(supervisor)) {}

  /// Waits for room and for the rate limit, then takes the record; views are copied.
  /// @returns errc::stopped when the job takes no more records.
  expected<void> store(const T& record) { return to_->push(record); }
  expected<void> store(T&& record) { return to_->push(std::move(record)); }

  /// Takes each record of a range, waiting as above.
  template <std::ranges::input_range Records>
    requires std::convertible_to<std::ranges::range_reference_t<Records>, T> &&
             (!std::convertible_to<Records, T>)
  expected<void> store(Records&& records) {
    for (auto&& record : records)
      if (auto stored = to_->push(T(std::forward<decltype(record)>(record))); !stored)
        return stored;
    return {};
  }

  /// Does not wait: for receivers that must not block, such as those of an event loop.
  /// @param wait set to the time after which to try again when the result is `limited`.
  push_result try_store(const T& record, duration* wait = nullptr) {
    return to_->try_push(record, wait);
  }
  push_result try_store(T&& record, duration* wait = nullptr) {
    return to_->try_push(std::move(record), wait);
  }

  /// Calls `then` once, here or on another thread, when `try_store` need no longer answer `full`.
  /// It must not block.
  void when_room(std::function<void()> then) { to_->when_room(std::move(then)); }

  /// For receivers whose origin wants an acknowledgement: takes all of `records` as blocks of their
  /// own, as soon as there is room at all; the rate limit does not hold them back.
  /// @param acknowledge called once when they cannot be lost any more: when the write-ahead log has
  /// them or, without one, when every record is in a complete batch. On a thread of weir's, which
  /// it must not block; what it throws is only reported. It is not called for records that are
  /// lost: their origin sends them again.
  /// @param origin stream and position of the last record, if the origin can say: what it sends
  /// again is then taken only once.
  template <std::ranges::forward_range Records>
  expected<void> store_reliably(const Records& records, std::function<void()> acknowledge,
                                const origin_position& origin = {}) {
    return to_->push_group(
        records, origin,
        detail::receiver_supervisor::reporting(supervisor_, std::move(acknowledge)));
  }

  /// Asks the rate limit for one record of so many bytes, for receivers that hand over groups.
  /// @returns zero when it may be read, else how long to wait before asking again.
  [[nodiscard]] duration admit(std::size_t bytes) { return to_->admit_to_group(bytes); }

  /// Whether a group would be taken without waiting.
  [[nodiscard]] bool has_room() const { return to_->has_room(); }

  /// Whether the job takes no more records.
  [[nodiscard]] bool refuses() const { return to_->refuses(); }

  /// Stops the receiver and starts it again after `delay`, or after a back-off that grows with each
  /// attempt. Returns at once.
  void restart(error reason, std::optional<duration> delay = {}) {
    supervisor_->restart(std::move(reason), delay);
  }

  /// Tells log and batch report of something that the receiver can live with.
  void report_error(error what) { supervisor_->report(std::move(what)); }

  /// Stops the receiver for good: its input has ended. What it stored is still read. Returns at
  /// once.
  void stop(std::string reason) { supervisor_->stop(std::move(reason)); }

  /// Runs `work` on a thread that weir names and, when the receiver stops, asks to end and waits
  /// for: `store` then refuses or `stop_requested()` is true. If it throws, the receiver is started
  /// again.
  void run(std::function<void(std::stop_token)> work) { supervisor_->run(std::move(work)); }

  [[nodiscard]] receiver_state state() const { return supervisor_->state(); }

private:
  std::shared_ptr<detail::push_buffer<T>> to_;
  std::shared_ptr<detail::receiver_supervisor> supervisor_;
};

/// A receiver of the user's. `on_start` and `on_stop` come from one thread, by turns; both may
/// throw, which counts as an error. An error of `on_start` starts it again after a back-off.
template <class T>
class push_receiver {
public:
  virtual ~push_receiver() = default;

  /// Opens what is read and begins to hand over records, e.g. on a thread of `to.run`. Returns
  /// soon.
  virtual expected<void> on_start(receiver_handle<T> to) = 0;

  /// Undoes `on_start`, also one that failed. The threads of `run` have been asked to end and are
  /// waited for afterwards: what they wait for must be interrupted here.
  virtual void on_stop() {}
};

/// Makes one receiver. @param index 0 to `receivers` - 1. Called by each start of the job.
template <class T>
using push_receiver_factory = std::function<std::unique_ptr<push_receiver<T>>(std::uint32_t index)>;

namespace detail {

/// The receivers of one source, each with its supervisor.
template <class T>
class supervised_receivers final : public push_supervision {
public:
  supervised_receivers(const std::vector<std::shared_ptr<push_buffer<T>>>& buffers,
                       const push_receiver_factory<T>& make, const restart_options& restarts) {
    for (std::uint32_t i = 0; i < buffers.size(); ++i) {
      receivers_.push_back({.work = make(i),
                            .to = buffers[i],
                            .supervisor = std::make_shared<receiver_supervisor>(i, restarts)});
      if (!receivers_.back().work)
        throw std::invalid_argument("the factory of receivers makes a null pointer");
    }
  }

  void begin(const source_setup& setup) override {
    for (auto& r : receivers_)
      r.supervisor->begin(setup, {.start = [&r] { return r.work->on_start({r.to, r.supervisor}); },
                                  .stop = [&r] { r.work->on_stop(); },
                                  .ended = [&r] { r.to->close(); }});
  }

  void end() override {
    for (auto& r : receivers_)
      r.supervisor->end();
  }

  std::vector<error> take_errors() override {
    std::vector<error> all;
    for (auto& r : receivers_)
      for (auto& e : r.supervisor->take_errors())
        all.push_back(std::move(e));
    return all;
  }

private:
  struct supervised {
    std::unique_ptr<push_receiver<T>> work;
    std::shared_ptr<push_buffer<T>> to;
    std::shared_ptr<receiver_supervisor> supervisor;
  };
  std::vector<supervised> receivers_;
};

} // namespace detail

/// Receivers of one source: how many, and how they are treated.
struct receiver_options {
  push_options push{};
  restart_options restarts{};
  std::uint32_t receivers = 1; ///< >= 1. Each is a partition of the stream.
};

/// A stream of what receivers of the user's store. Receiver i is partition i; the order of its
/// records is kept.
///
/// Delivery: what was stored and is not in a complete batch is lost with the process, unless there
/// is a write-ahead log; what came by `store_reliably` and was not acknowledged is sent again.
template <class T>
stream<T> receiver_stream(context& to, push_receiver_factory<T> make, receiver_options options = {},
                          std::source_location where = std::source_location::current()) {
  auto mistakes = detail::mistakes_in<T>(options.push);
  if (options.receivers == 0)
    mistakes.emplace_back(errc::invalid_config,
                          "receivers of '" + options.push.name + "' is 0; at least 1 is needed");
  if (options.restarts.delay < duration::zero() ||
      options.restarts.max_delay < options.restarts.delay || !(options.restarts.jitter >= 0) ||
      options.restarts.jitter > 1)
    mistakes.emplace_back(errc::invalid_config,
                          "restarts of '" + options.push.name +
                              "': needed are 0 <= delay <= max_delay and 0 <= jitter <= 1");
  return add_source<T>(to,
                       {.label = options.push.name,
                        .make = [make = std::move(make), options]() -> std::unique_ptr<source> {
                          std::vector<std::shared_ptr<detail::push_buffer<T>>> buffers;
                          for (std::uint32_t i = 0; i < options.receivers; ++i)
                            buffers.push_back(std::make_shared<detail::push_buffer<T>>());
                          auto receivers = std::make_unique<detail::supervised_receivers<T>>(
                              buffers, make, options.restarts);
                          return std::make_unique<detail::push_source<T>>(
                              options.push, std::move(buffers), std::move(receivers));
                        },
                        .max_replicas = options.receivers,
                        .mistakes = std::move(mistakes)},
                       where);
}

} // namespace weir
