// What users set about rate control, and how a decision is explained. Next:
// backpressure/rate_controller.hpp.
#pragma once

#include <weir/runtime/identifiers.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

class rate_estimator; // backpressure/rate_estimator.hpp

/// Gains of the rate controller. A gain of 0 removes its term. The law and its units are those of
/// Spark Streaming's estimator, so values tuned there carry over (docs/decisions/0004-pid-law.md).
struct pid_gains {
  double proportional = 1.0; ///< >= 0, no unit. Weight of the present error.
  double integral = 0.2;     ///< >= 0, no unit. Weight of the backlog.
  double derivative = 0.0;   ///< >= 0, seconds. Weight of the error's slope.
  double min_rate = 100.0;   ///< > 0, records/s (or bytes/s) of the job. Keeps measurements coming.

  friend bool operator==(const pid_gains&, const pid_gains&) = default;
};

/// What is counted, and therefore what every rate below is measured in.
enum class rate_unit : std::uint8_t {
  records, ///< Right when records cost about the same each.
  bytes,   ///< Right when the cost of a record grows with its size.
};

/// What the controller looks at.
enum class rate_scope : std::uint8_t {
  job,       ///< One rate from the batch's time, divided over the partitions by lag.
  partition, ///< As job, and each partition is also held to what its own busy time allows.
};

/// Bounds of a rate, in units (records or bytes) per second, never per batch.
struct rate_bounds {
  double floor = 0; ///< >= 0, units/s. 0: none. A floor is never read as "unlimited".
  std::optional<double> ceiling{}; ///< > 0 and >= floor, units/s. nullopt: none.
};

/// A bound of one single partition.
struct partition_ceiling {
  std::string topic; ///< As in the ranges of a batch's report.
  std::int32_t partition = 0;
  double ceiling = 0; ///< > 0, units/s.
};

/// All bounds together, as they can be changed while a job runs.
struct rate_limits {
  rate_bounds job{};                       ///< As in rate_control_options.
  rate_bounds partition{};                 ///< As in rate_control_options.
  std::vector<partition_ceiling> single{}; ///< As in rate_control_options.
};

/// Extensions around the published law. Switch all off (`rate_extensions::none()`) and the rate is,
/// bit for bit, that of the law alone.
struct rate_extensions {
  /// Aim at what the last three batches together say fits an interval (median of what each allows,
  /// a fixed cost and noise considered), instead of what the last one alone measured. Default on:
  /// one stall is no reason to slow down, and a fixed cost makes small batches look slow.
  bool capacity_estimate = true;

  /// Judge by the delay the *next* batch will meet, from work already cut at an older rate, instead
  /// of the delay the finished batch met. Default on: it removes the dead time of the queue.
  bool predict_delay = true;

  /// Batches bounded by the data at hand cannot lower the rate while the job keeps up. Default on.
  bool anti_windup = true;

  /// Largest factor by which the rate may rise from one batch to the next, and above the largest
  /// rate that has been processed. > 1, no unit; nullopt: none. Default 10: three steps from
  /// 1,000/s to 1,000,000/s.
  std::optional<double> max_rise = 10.0;

  /// Delay, in batch intervals, above which the excess is taken off the next batch in full instead
  /// of by the integral gain. What the noise s of batch times explains, s + 4 s^2, comes on top
  /// (0.14 at 10 %), and with noise some work, 4 s^2, is kept waiting, so that a short batch leaves
  /// no gap. > 0; nullopt: neither. Default 0.1: no noise, no delay.
  std::optional<double> drain_above = 0.1;

  /// After so many idle intervals the time-dependent memory is forgotten, and what the next batch
  /// measures counts alone. > 0; nullopt: never. Default 3: longer than any ordinary hiccup.
  std::optional<double> reset_after = 3.0;

  /// The published law and nothing else.
  static constexpr rate_extensions none() {
    return {.capacity_estimate = false,
            .predict_delay = false,
            .anti_windup = false,
            .max_rise = std::nullopt,
            .drain_above = std::nullopt,
            .reset_after = std::nullopt};
  }
};

/// How fast a job may read. Every rate is in units per second (see `unit`), whatever the batch
/// interval.
struct rate_control_options {
  /// Off: only `ceiling`s apply, else batches take all there is. Default on: an unbounded batch is
  /// the most common way to lose a streaming job.
  bool enabled = true;

  pid_gains gains{}; ///< Can be changed while running: rate_controller::set_gains.

  /// > 0, units/s. The rate until a batch has been measured; the law alone would let the first
  /// batch take the whole backlog. Default 1,000: a second's work even for a job that needs a
  /// millisecond per record.
  double first_batch_rate = 1000.0;

  rate_bounds job{};       ///< Bounds of the sum over all partitions.
  rate_bounds partition{}; ///< Bounds of each partition. Floors yield to the job's ceiling.
  /// Ceilings of single partitions, beside the one of each. All bounds can be changed while
  /// running: context::set_rate_limits.
  std::vector<partition_ceiling> single{};

  rate_unit unit = rate_unit::records;

  /// Default job: right unless single partitions are far costlier.
  rate_scope scope = rate_scope::job;

  rate_extensions extensions{};

  /// Makes an estimator of your own for each source, called in place of the law (backpressure/
  /// rate_estimator.hpp); bounds, the split and the drain stay around it. Given the batch interval;
  /// must not return null. Empty: the law.
  std::function<std::shared_ptr<rate_estimator>(std::chrono::nanoseconds)> estimator{};
};

/// Which bound had the last word on a rate.
enum class rate_clamp : std::uint8_t {
  none,        ///< The law's value stands.
  first_batch, ///< Nothing measured yet: the first-batch rate.
  no_estimate, ///< The batch told nothing (empty, or no time measured): the rate stays.
  data_bound,  ///< Less data than allowed and no delay: the rate is not lowered (anti-windup).
  min_rate,    ///< Raised to `pid_gains::min_rate`.
  max_rise,    ///< Held back by the slew limit.
  drain,       ///< Lowered for this batch to work off delay beyond `drain_above`.
  floor,       ///< Raised to the job's floor.
  ceiling,     ///< Lowered to the job's ceiling.
  partition_ceiling, ///< The last batch was held back by ceilings of partitions, not by the rate.
  partition_floor,   ///< The last batch was raised by floors of partitions.
  off,               ///< Rate control is switched off.
};

/// Short lower-case name, as it stands in reports and metrics.
std::string_view to_string(rate_clamp clamp) noexcept;
std::string_view to_string(rate_unit unit) noexcept;

/// Part of a rate given to one partition in one batch.
struct partition_share {
  partition_id partition{};
  std::optional<std::uint64_t> max_records{}; ///< Records this batch may take; nullopt: unlimited.
};

/// Why the rate is what it is: carried in batch reports. Rates are in units/s of the whole job.
struct rate_decision {
  rate_unit unit = rate_unit::records;
  std::optional<double> rate_before{};   ///< Rate in force before; nullopt: unlimited.
  std::optional<double> rate_after{};    ///< Rate in force now; nullopt: unlimited.
  std::optional<double> measured_rate{}; ///< Units / processing time of the batch, if any.
  std::optional<double> capacity{}; ///< What is expected to fit an interval, the law's setpoint.
  double proportional = 0;          ///< Taken off for the present error (negative: added), units/s.
  double integral = 0;              ///< Taken off for waiting work, units/s.
  double derivative = 0;            ///< Taken off for the error's slope, units/s.
  double drain = 0; ///< Taken off this batch only, for delay beyond `drain_above` (negative: added,
                    ///< since less waits than noise calls for), units/s.
  rate_clamp clamp = rate_clamp::first_batch;
  /// What a batch is expected to cost whatever its size; 0 unless small batches have shown one.
  std::chrono::nanoseconds fixed_cost{};
  double nanoseconds_per_unit = 0; ///< Expected cost of one record (or byte). 0: not known yet.
  std::chrono::nanoseconds expected_delay{}; ///< Delay the next batch is expected to meet.
  std::vector<partition_share> split{};      ///< How the last plan divided the rate.

  /// One sentence for people, e.g. "1000 -> 833 records/s: measured 833/s, P 167, I 0, D 0, ...".
  std::string explain() const;
};

} // namespace weir
