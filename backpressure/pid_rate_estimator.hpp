// The public PID law: timing of finished batches in, records/s out. Next: rate_split.hpp.
#pragma once

#include <weir/backpressure/rate_estimator.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/time.hpp>

#include <optional>

namespace weir {

/// Estimates how many records per second a job can absorb.
///
/// With r the rate, m = records / processing time, s the scheduling delay and T the batch interval:
///
///     e = r - m,  b = s * m / T,  r' = max(min_rate, r - kp * e - ki * b - kd * de/dt)
///
/// The first batch only primes it: r = m, e = 0, no estimate. Source: Spark Streaming's estimator,
/// followed bit for bit (times in milliseconds as it has them), so gains tuned there carry over
/// (docs/decisions/0004-pid-law.md). Threads: none of its own. One controller owns it and calls it
/// from the control thread.
class pid_rate_estimator final : public rate_estimator {
public:
  /// The parts of the last estimate, in units/s: r' = max(min_rate, r - proportional - integral -
  /// derivative).
  struct terms {
    double proportional = 0;
    double integral = 0;
    double derivative = 0;
    bool raised_to_min_rate = false;
  };

  /// Checks the settings once.
  /// @returns errc::invalid_config naming the field, its value and the allowed range.
  static expected<pid_rate_estimator> make(duration batch_interval, pid_gains gains = {});

  /// @returns the new rate in records/s over all partitions, or nullopt when the batch tells
  /// nothing:
  ///          the first, an empty one, one without measured time, or one not later than its
  ///          predecessor.
  std::optional<double> update(const batch_timing& batch) noexcept override;

  /// The law itself, for callers that measure in another way.
  /// @param at when the batch ended; @param measured units/s, > 0; @param delay >= 0.
  /// @returns as update.
  std::optional<double> step(steady_time at, double measured, duration delay) noexcept;

  /// Tells the law which rate was really applied, so that its next error starts there. No effect
  /// before priming.
  void applied(double rate) noexcept;

  /// Primes the law with a rate, as its first batch would; the next batch gives an estimate.
  void prime(double rate) noexcept;

  /// Forgets the past: the next batch is a first one again.
  void reset() noexcept;

  /// Other gains from the next batch on; the past is kept.
  /// @returns errc::invalid_config as make, and then changes nothing.
  expected<void> set_gains(pid_gains gains);

  [[nodiscard]] const pid_gains& gains() const noexcept { return gains_; }
  [[nodiscard]] const terms& last_terms() const noexcept { return terms_; }

private:
  pid_rate_estimator(double interval_ms, pid_gains gains)
      : interval_ms_(interval_ms), gains_(gains) {}

  double interval_ms_;
  pid_gains gains_;
  bool first_ = true;
  double latest_ms_ = -1;
  double latest_rate_ = -1;
  double latest_error_ = -1;
  terms terms_{};
};

} // namespace weir
