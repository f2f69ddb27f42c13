// Token bucket in doubles.
#include <weir/backpressure/rate_limiter.hpp>

#include <algorithm>
#include <cmath>

namespace weir {

rate_limiter::rate_limiter(std::optional<double> rate, double burst) noexcept
    : rate_(rate), burst_(std::max(burst, 1.0)), tokens_(burst_) {}

std::uint64_t rate_limiter::take(std::uint64_t wanted, steady_time now) noexcept {
  if (!rate_)
    return wanted;
  tokens_ = tokens_at(now);
  last_ = std::max(last_.value_or(now), now);
  const auto taken = std::min(wanted, static_cast<std::uint64_t>(tokens_));
  tokens_ -= static_cast<double>(taken);
  return taken;
}

void rate_limiter::give_back(std::uint64_t unused) noexcept {
  tokens_ = std::min(tokens_ + static_cast<double>(unused), burst_);
}

std::optional<duration> rate_limiter::wait_for(std::uint64_t wanted,
                                               steady_time now) const noexcept {
  if (!rate_)
    return duration::zero();
  const double missing = std::min(static_cast<double>(wanted), std::floor(burst_)) - tokens_at(now);
  if (missing <= 0)
    return duration::zero();
  if (!(*rate_ > 0))
    return std::nullopt;
  constexpr double longest = 1e9; // seconds; a duration holds 292 years
  return duration{static_cast<duration::rep>(std::ceil(std::min(missing / *rate_, longest) * 1e9))};
}

void rate_limiter::set_rate(std::optional<double> rate, steady_time now) noexcept {
  tokens_ = tokens_at(now);
  last_ = std::max(last_.value_or(now), now);
  rate_ = rate;
}

void rate_limiter::set_burst(double burst) noexcept {
  burst_ = std::max(burst, 1.0);
  tokens_ = std::min(tokens_, burst_);
}

double rate_limiter::tokens_at(steady_time now) const noexcept {
  // The sum of many small steps must reach a whole token when one large step would: forgive the
  // last rounding.
  constexpr double rounding = 1e-9;
  const double earned = rate_ && last_ && now > *last_ ? *rate_ * seconds_of(now - *last_) : 0.0;
  const double tokens = std::min(tokens_ + earned, burst_);
  return std::ceil(tokens) - tokens < rounding ? std::ceil(tokens) : tokens;
}

} // namespace weir
