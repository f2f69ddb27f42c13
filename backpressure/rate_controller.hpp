// The object around the PID law: finished batches in, a limit per partition for the next batch out. Next: rate_split.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <weir/backpressure/cost_model.hpp>
#include <weir/backpressure/pid_rate_estimator.hpp>
#include <weir/backpressure/rate_estimator.hpp>
#include <weir/backpressure/rate_split.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/rate_control.hpp>

namespace weir {

/// The moment at which a batch is cut.
struct plan_moment {
  std::chrono::nanoseconds now{};      ///< On the clock that also stamps `batch_timing::end`.
  std::chrono::nanoseconds interval{}; ///< What this batch stands for; longer than usual when ticks were merged.
  work_in_flight unfinished{};         ///< Batches cut earlier and not finished yet.
};

/// Decides how many records each batch may take.
///
///     rate_controller control = *rate_controller::make(1s, options);
///     at each tick:      shares = control.limits({now, interval, unfinished}, backlogs);
///     at each batch end: report.rate = control.on_batch(timing);
///
/// Deterministic: the same calls give the same limits. It reads no clock and starts no thread.
/// Threads: the control thread owns it and makes every call. Lives as long as the job.
class rate_controller {
public:
  /// Checks the options once.
  /// @returns errc::invalid_config naming the field, its value and the allowed range.
  static expected<rate_controller> make(std::chrono::nanoseconds batch_interval, rate_control_options options = {});

  /// Divides the present rate over the partitions for the batch cut at `at`.
  /// @returns one share per backlog, in the order given. Without a limit (control off and no ceiling) max_records is
  ///          nullopt; a number, 0 too, is always a limit.
  std::vector<partition_share> limits(const plan_moment& at, std::span<const partition_backlog> backlogs);

  /// Learns from a finished batch. Failed batches are not passed in.
  /// @returns why the rate is now what it is.
  rate_decision on_batch(const batch_timing& batch);

  /// The latest decision, with the split and the drain of the last plan: what the report of that batch shows.
  [[nodiscard]] const rate_decision& decision() const noexcept { return decision_; }

  /// Other gains from the next batch on, without losing what was learnt.
  /// @returns errc::invalid_config as make, and then changes nothing.
  expected<void> set_gains(pid_gains gains);

  /// Rate in force, units/s of the job; nullopt: unlimited.
  [[nodiscard]] std::optional<double> rate() const noexcept { return rate_; }

  [[nodiscard]] const rate_control_options& options() const noexcept { return options_; }

private:
  rate_controller(std::chrono::nanoseconds batch_interval, rate_control_options options, pid_rate_estimator law);

  struct partition_cost {
    partition_id partition{};
    cost_model model;
  };

  std::chrono::nanoseconds interval_;
  rate_control_options options_;
  pid_rate_estimator law_;
  cost_model model_;
  std::vector<partition_cost> partition_models_; ///< Scope partition only.
  rate_split split_;
  std::optional<double> rate_;
  rate_decision decision_{};
};

} // namespace weir
