// Where host code puts records in. Next: push_source.hpp.
#pragma once

#include <weir/connectors/push/push_source.hpp>

namespace weir {

/// The host's end of a stream: records pushed here enter the job. A cheap handle; copies are the
/// same inlet. Any number of threads may push; each thread's records stay in order.
///
/// Records pushed before the job starts are kept, up to 1 MiB, and read by its first batch; with a
/// write-ahead log none are taken before the start. While
/// the job is stopped nothing is taken; what was taken and not read to the end is read by the next
/// start. When every source of a job has ended, e.g. all inlets are closed and their records are in
/// complete batches, the job ends.
template <class T>
class inlet {
public:
  explicit inlet(push_options options = {.name = "inlet"})
      : options_(std::move(options)), to_(std::make_shared<detail::push_buffer<T>>()) {
    if (!options_.write_ahead_log.folder.empty())
      to_->detach(); // what was logged before comes first
  }

  /// Waits for room and for the rate limit, then takes the record; views are copied. Before the job
  /// starts it waits for the start when there is no room. In line no thread of weir's makes room:
  /// whoever runs the job must not wait here.
  /// @returns errc::stopped when the inlet is closed or the job has ended; errc::out_of_budget when
  /// the record alone is more than may be held (`push_options::max_bytes`); errc::invalid_config
  /// when it is longer than a frame of the write-ahead log.
  expected<void> push(const T& record) { return to_->push(record); }
  expected<void> push(T&& record) { return to_->push(std::move(record)); }

  /// Takes the record if that is possible now, and says if not why; then the record is untouched.
  /// @param wait set to the time after which to try again when the result is `limited`.
  push_result try_push(const T& record, duration* wait = nullptr) {
    return to_->try_push(record, wait);
  }
  push_result try_push(T&& record, duration* wait = nullptr) {
    return to_->try_push(std::move(record), wait);
  }

  /// Calls `then` once, here or on another thread, when `try_push` need no longer answer `full`. It
  /// must not block.
  void when_room(std::function<void()> then) const { to_->when_room(std::move(then)); }

  /// Ends the input for good; what was pushed is still read.
  void close() { to_->close(); }

  /// The stream of what is pushed: one partition. A record is read by one stream: a second one of
  /// the same inlet, also in another context, is a mistake as long as the first context lives.
  stream<T> stream_in(context& to,
                      std::source_location where = std::source_location::current()) const {
    auto mistakes = detail::mistakes_in<T>(options_);
    if (!to_->claim(to.composed()))
      mistakes.emplace_back(errc::invalid_graph,
                            "the inlet '" + options_.name +
                                "' has a stream already, and a record is read by one; use that "
                                "stream twice");
    return add_source<T>(to,
                         {.label = options_.name,
                          .make = [options = options_, buffer = to_]() -> std::unique_ptr<source> {
                            return std::make_unique<detail::push_source<T>>(
                                options, std::vector{buffer},
                                std::make_unique<detail::push_supervision>());
                          },
                          .max_replicas = 1,
                          .mistakes = std::move(mistakes)},
                         where);
  }

private:
  push_options options_;
  std::shared_ptr<detail::push_buffer<T>> to_;
};

/// The stream of what is pushed into `in`.
template <class T>
stream<T> inlet_stream(context& to, const inlet<T>& in,
                       std::source_location where = std::source_location::current()) {
  return in.stream_in(to, where);
}

} // namespace weir
