// Why and how a running job ends. Next: batch_runner.hpp, whose batches are finished or undone.
#pragma once

#include <weir/runtime/context.hpp>
#include <weir/runtime/source.hpp>

#include <optional>
#include <utility>

namespace weir {

class batch_planner;
class batch_runner;
struct planned_batch;
class job_inputs;

/// A job ends when it is told to stop, when it fails, or when there is nothing more to read.
/// Control thread only, but for `failure` and `left` once it has ended.
class job_end {
public:
  /// @param host hears of failures; lives longer.
  explicit job_end(source_host& host) : host_(&host) {}

  /// Asks for a stop. A second request may only hurry. @returns whether it is the first.
  bool stop(stop_mode mode, steady_time deadline);
  /// The first reason stays.
  void fail(error reason);

  [[nodiscard]] bool stopping() const noexcept { return stop_.has_value(); }
  /// Whether a stop waits for batches that are not planned yet.
  [[nodiscard]] bool draining(const job_inputs& inputs) const;

  /// Ends, undoes or drops batches as far as that is wanted.
  /// @returns whether it did anything.
  bool settle(batch_runner& batches, batch_planner& planner, const job_inputs& inputs,
              steady_time now);
  /// No batch is left, and none will come.
  [[nodiscard]] bool has_come() const noexcept { return has_come_; }

  /// When `settle` will have something to do if nothing happens before.
  [[nodiscard]] steady_time next_deadline(steady_time now) const;
  /// Whether the job is to end, for the first time that this is asked.
  [[nodiscard]] bool just_begun() noexcept {
    return (stop_ || failure_) && !std::exchange(begun_, true);
  }
  /// How long the sources may take to close.
  [[nodiscard]] duration time_to_close(steady_time now) const;
  /// Everything is closed.
  void closed(steady_time now);

  /// The batch has been undone and is not planned again.
  void leave(const planned_batch& dropped);

  [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }
  [[nodiscard]] const stop_result& left() const noexcept { return left_; }

private:
  struct stop_request {
    stop_mode mode;
    steady_time deadline;
  };

  void abandon_if_late(const batch_runner& batches, const job_inputs& inputs, steady_time now);
  void drop_waiting(batch_runner& batches, batch_planner& planner);

  source_host* host_;
  std::optional<stop_request> stop_;
  std::optional<error> failure_;
  stop_result left_;
  bool unplanned_told_ = false; ///< Received records that no batch will read are in `left_`.
  bool begun_ = false;
  bool has_come_ = false;
};

} // namespace weir
