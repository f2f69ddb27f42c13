// A Kalman filter over two costs; seconds throughout.
#include "former_cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace pid {

namespace {

constexpr double first_noise = 0.1;   // relative; corrected by what is seen
constexpr double least_noise = 0.02;  // clocks and schedulers are never better
constexpr double most_noise = 0.3;    // beyond it, it is change rather than noise
constexpr double noise_memory = 0.05; // weight of the newest batch: about 20 batches
constexpr double drift =
    0.015; // costs wander by so much per batch: about seven batches of memory at noise 0.1
constexpr double drift_fixed = 0.002; // of the interval
constexpr double doubt_fixed =
    0.05; // of the interval: least uncertainty of the fixed cost after a surprise
constexpr double prior_fixed =
    0.5; // of the interval: a fixed cost above it asks for a longer interval
constexpr double surprise = 4.0; // standard deviations: once in 16,000 batches by chance
constexpr double tolerated =
    0.05; // standard deviation of the time of a full batch that calls for no caution
constexpr double extrapolation = 10.0;
constexpr double least_usable =
    0.2; // of the interval: batches grow rather than starve when the fixed cost eats it all

double squared(double x) noexcept { return x * x; }

} // namespace

former_cost_model::former_cost_model(double interval_seconds, double first_rate) noexcept
    : interval_(interval_seconds), largest_(first_rate * interval_seconds),
      per_unit_(1 / first_rate), var_fixed_(squared(prior_fixed * interval_seconds)),
      var_per_unit_(squared(per_unit_)), noise_(first_noise) {}

void former_cost_model::observe(double units, double seconds) noexcept {
  var_fixed_ += squared(drift_fixed * interval_);
  var_per_unit_ += squared(drift * std::max(per_unit_, least_per_unit()));

  const double expected = seconds_for(units);
  const double residual = seconds - expected;
  double noise_variance = squared(noise_ * expected);
  const double variance = variance_at(units) + noise_variance;
  const bool surprised = squared(residual) > squared(surprise) * variance;
  if (surprised || batches_ == 0)
    noise_variance = squared(noise_ * std::min(expected, seconds));
  if (surprised)
    doubt();

  largest_ = std::max(largest_, units);
  ++batches_;
  correct(units, residual, variance_at(units) + noise_variance);
  keep_positive();
  limit_uncertainty(seconds);

  if (batches_ > 1) { // the first compares with a mere belief
    const double seen = std::min(squared(residual) / variance, squared(surprise)) * squared(noise_);
    noise_ = std::clamp(std::sqrt(squared(noise_) + noise_memory * (seen - squared(noise_))),
                        least_noise, most_noise);
  }
}

double former_cost_model::capacity() const noexcept {
  const double usable = std::max(interval_ - fixed_, least_usable * interval_);
  const double units = usable / std::max(per_unit_, least_per_unit());
  const double uncertainty = std::sqrt(variance_at(units)) / interval_;
  return units / interval_ / (1 + std::max(uncertainty - tolerated, 0.0));
}

double former_cost_model::variance_at(double units) const noexcept {
  return std::max(var_fixed_ + 2 * units * covariance_ + squared(units) * var_per_unit_, 0.0);
}

void former_cost_model::doubt() noexcept {
  var_fixed_ = squared(std::max(fixed_, doubt_fixed * interval_));
  var_per_unit_ = squared(std::max(per_unit_, least_per_unit()));
  covariance_ = 0;
}

/// Below it a cost per unit is not believed: a batch ten times as large as any seen would fit an
/// interval.
double former_cost_model::least_per_unit() const noexcept {
  return interval_ / (extrapolation * largest_);
}

/// The usual update for one measurement `fixed + units * per_unit`, whose residual has this
/// variance.
void former_cost_model::correct(double units, double residual, double variance) noexcept {
  const double with_fixed =
      var_fixed_ + units * covariance_; // covariance of the measurement with each cost
  const double with_per_unit = covariance_ + units * var_per_unit_;
  fixed_ += with_fixed / variance * residual;
  per_unit_ += with_per_unit / variance * residual;
  var_fixed_ = std::max(var_fixed_ - squared(with_fixed) / variance, 0.0);
  var_per_unit_ = std::max(var_per_unit_ - squared(with_per_unit) / variance, 0.0);
  covariance_ -= with_fixed * with_per_unit / variance;
}

/// Moves a cost that fell below zero back to it, and the other along as far as the two are tied
/// together.
void former_cost_model::keep_positive() noexcept {
  if (fixed_ < 0) {
    per_unit_ -= var_fixed_ > 0 ? covariance_ / var_fixed_ * fixed_ : 0;
    fixed_ = 0;
  }
  if (per_unit_ < 0) {
    fixed_ -= var_per_unit_ > 0 ? covariance_ / var_per_unit_ * per_unit_ : 0;
    fixed_ = std::max(fixed_, 0.0);
    per_unit_ = 0;
  }
}

/// Ignorance grows while batches tell nothing, up to this: a fixed cost is not above what a whole
/// batch took, a cost per unit not uncertain by more than itself. Both variances shrink together so
/// that what is tied stays tied.
void former_cost_model::limit_uncertainty(double seconds) noexcept {
  const double most_fixed = squared(std::min(std::max(fixed_, seconds), prior_fixed * interval_));
  const double most_per_unit = squared(std::max(per_unit_, least_per_unit()));
  const double shrink = std::min({1.0, most_fixed / var_fixed_, most_per_unit / var_per_unit_});
  var_fixed_ *= shrink;
  var_per_unit_ *= shrink;
  covariance_ *= shrink;
}

} // namespace pid
