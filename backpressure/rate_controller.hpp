// Finished batches in, a limit per partition for the next one out. Next: pid_rate_estimator.hpp.
#pragma once

#include <weir/backpressure/capacity_estimate.hpp>
#include <weir/backpressure/pid_rate_estimator.hpp>
#include <weir/backpressure/rate_estimator.hpp>
#include <weir/backpressure/rate_split.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace weir {

/// The moment at which a batch is cut.
struct plan_moment {
  steady_time now{};   ///< On the clock that also stamps `batch_timing::end`.
  duration interval{}; ///< Time the batch may fill: the batch interval, merged ticks or not.
  work_in_flight unfinished{}; ///< Batches cut earlier and not finished yet.
};

/// Decides how many records each batch may take.
///
/// Problem: the public law alone knows no first rate, reacts to a delay only after the batches cut
/// before have run, follows noise, and takes a fixed cost for slowness and a quiet hour for a slow
/// machine. Solution: the same law, fed with the rate that the last batches together say fills an
/// interval (capacity_estimate) and with the delay that the next batch is expected to meet; bounds
/// and the split come after it. Each of these is an option
/// (docs/decisions/0005-around-the-pid-law.md).
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
  static expected<rate_controller> make(duration batch_interval, rate_control_options options = {});

  /// Divides the present rate over the partitions for the batch cut at `at`.
  /// @returns one share per backlog, in the order given. Without a limit (control off and no
  /// ceiling) max_records is nullopt; a number, 0 too, is always a limit.
  std::vector<partition_share> limits(const plan_moment& at,
                                      std::span<const partition_backlog> backlogs);

  /// Learns from a finished batch. Failed batches are not passed in.
  /// @returns why the rate is now what it is.
  rate_decision on_batch(const batch_timing& batch);

  /// The latest decision, with the split and the drain of the last plan: what the report of that
  /// batch shows.
  [[nodiscard]] const rate_decision& decision() const noexcept { return decision_; }

  /// Other gains from the next batch on, without losing what was learnt.
  /// @returns errc::invalid_config as make, and then changes nothing.
  expected<void> set_gains(pid_gains gains);

  /// Other bounds from the next plan on; the rate in force is moved inside them at once. What was
  /// learnt is kept.
  /// @returns errc::invalid_config as make, and then changes nothing.
  expected<void> set_bounds(rate_bounds job, rate_bounds partition);

  /// Whether a batch has told how fast the job is; before, `rate` is the first-batch rate.
  [[nodiscard]] bool measured() const noexcept { return estimate_.measured(); }

  /// Rate in force, units/s of the job; nullopt: unlimited.
  [[nodiscard]] std::optional<double> rate() const noexcept { return rate_; }

  [[nodiscard]] const rate_control_options& options() const noexcept { return options_; }

private:
  rate_controller(duration batch_interval, rate_control_options options, pid_rate_estimator law);

  struct partition_estimate {
    partition_id partition{};
    capacity_estimate estimate;
  };

  [[nodiscard]] double units_of(std::uint64_t records, std::uint64_t bytes) const noexcept;
  [[nodiscard]] double expected_units(std::uint64_t records, std::uint64_t bytes) const noexcept;
  [[nodiscard]] double seconds_ahead(const work_in_flight& unfinished) const noexcept;
  [[nodiscard]] double seconds_late(const work_in_flight& unfinished) const noexcept;
  [[nodiscard]] duration expected_delay(const batch_timing& batch) const noexcept;
  [[nodiscard]] double bounded(double rate) noexcept;
  [[nodiscard]] double rate_now(const plan_moment& at) noexcept;
  [[nodiscard]] std::vector<partition_share> divide(std::optional<double> rate, double seconds,
                                                    std::span<const partition_backlog> backlogs);
  [[nodiscard]] double seconds_to_judge(const batch_timing& batch) const noexcept;
  void learn_rate(const batch_timing& batch, double units);
  void name_binding_bound() noexcept;
  void learn_record_size(const batch_timing& batch) noexcept;
  void learn_partitions(const batch_timing& batch);
  void forget_after_pause(steady_time start, steady_time end) noexcept;

  duration interval_;
  rate_control_options options_;
  pid_rate_estimator law_;
  std::shared_ptr<rate_estimator> own_; ///< The user's, in place of the law; or null.
  capacity_estimate estimate_;
  std::vector<partition_estimate> partitions_; ///< Scope partition only.
  rate_split split_;
  std::optional<double> rate_; ///< The law's rate within the bounds, units/s.
  double processed_;           ///< Units of the largest batch finished, over the interval.
  duration delay_judged_{};    ///< Waiting time the law has already taken into `rate_`.
  std::optional<steady_time> last_end_;
  std::optional<steady_time> last_cut_;
  double bytes_per_record_ = 1024; ///< A guess until bytes have been counted.
  bool bytes_seen_ = false;
  std::optional<rate_clamp> split_bound_; ///< What bound the last plan instead of the rate.
  rate_decision decision_{};
};

} // namespace weir
