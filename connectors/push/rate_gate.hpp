// The rate limit that all receivers of one push source share. Next: push_buffer.hpp.
#pragma once

#include <weir/backpressure/rate_limiter.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/rate_control.hpp>

#include <atomic>
#include <mutex>

namespace weir::detail {

/// A token bucket that follows the job's rate. One for all receivers of a source, so that a busy
/// one may use what an idle one leaves. Thread-safe.
class rate_gate {
public:
  /// @param clock lives longer. @param ceiling the source's own bound, records/s.
  /// @param window after a rest this much time's worth may pass at once.
  rate_gate(clock& time, std::optional<double> ceiling, duration window)
      : time_(&time), ceiling_(ceiling), window_(window), limiter_(std::nullopt) {
    set_rate(std::nullopt, rate_unit::records);
  }

  void set_rate(std::optional<double> per_second, rate_unit unit) {
    std::lock_guard guard(mutex_);
    unit_ = unit;
    auto rate = per_second;
    if (ceiling_ && unit == rate_unit::records)
      rate = std::min(rate.value_or(*ceiling_), *ceiling_);
    if (rate)
      rate = std::max(*rate, lowest);
    limiter_.set_rate(rate, time_->steady_now());
    limiter_.set_burst(rate.value_or(1) * seconds_of(window_));
    limited_.store(rate.has_value(), std::memory_order_release);
  }

  /// Lets a record through, or says how long to wait before the next attempt.
  duration admit(std::size_t bytes) {
    if (!limited_.load(std::memory_order_acquire))
      return duration::zero();
    std::lock_guard guard(mutex_);
    const std::uint64_t weight = unit_ == rate_unit::bytes ? bytes : 1;
    const auto now = time_->steady_now();
    const auto wait = limiter_.wait_for(weight, now);
    if (wait == duration::zero())
      (void)limiter_.take(weight, now);
    return wait.value_or(std::chrono::seconds(1));
  }

  /// nullopt: unlimited. Units/s.
  [[nodiscard]] std::optional<double> rate() const {
    std::lock_guard guard(mutex_);
    return limiter_.rate();
  }

private:
  static constexpr double lowest = 0.1; ///< Units/s: without a record nothing could be measured.

  clock* time_;
  std::optional<double> ceiling_;
  duration window_;
  mutable std::mutex mutex_;
  rate_unit unit_ = rate_unit::records;
  rate_limiter limiter_;
  std::atomic<bool> limited_{false};
};

} // namespace weir::detail
