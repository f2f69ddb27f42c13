// The public PID law, term by term.
#include <weir/backpressure/pid_rate_estimator.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

namespace weir {

namespace {

double milliseconds(duration d) noexcept {
  return std::chrono::duration<double, std::milli>(d).count();
}

expected<void> check(const pid_gains& gains) {
  const auto refuse = [](std::string_view field, double value, std::string_view range) {
    return error{errc::invalid_config,
                 fmt::format("rate_control.gains.{} is {}; it must be {}", field, value, range)};
  };
  const auto not_negative = [](double v) { return std::isfinite(v) && v >= 0; };
  if (!not_negative(gains.proportional))
    return refuse("proportional", gains.proportional, ">= 0");
  if (!not_negative(gains.integral))
    return refuse("integral", gains.integral, ">= 0");
  if (!not_negative(gains.derivative))
    return refuse("derivative", gains.derivative, ">= 0 (seconds)");
  if (!not_negative(gains.min_rate) || gains.min_rate == 0)
    return refuse("min_rate", gains.min_rate, "> 0 (per second): a rate of 0 would never recover");
  return {};
}

} // namespace

expected<pid_rate_estimator> pid_rate_estimator::make(duration batch_interval, pid_gains gains) {
  if (batch_interval <= duration::zero())
    return error{errc::invalid_config, fmt::format("batch_interval is {} ms; it must be > 0",
                                                   milliseconds(batch_interval))};
  if (auto valid = check(gains); !valid)
    return std::move(valid).error();
  return pid_rate_estimator{milliseconds(batch_interval), gains};
}

std::optional<double> pid_rate_estimator::update(const batch_timing& batch) noexcept {
  if (batch.records == 0 || batch.processing_time <= duration::zero())
    return std::nullopt;
  const double measured =
      static_cast<double>(batch.records) / milliseconds(batch.processing_time) * 1000;
  return step(batch.end, measured, batch.scheduling_delay);
}

std::optional<double> pid_rate_estimator::step(steady_time at, double measured,
                                               duration delay) noexcept {
  const double now_ms = milliseconds(at.time_since_epoch());
  if (!(now_ms > latest_ms_) || !(measured > 0))
    return std::nullopt;
  const double elapsed = (now_ms - latest_ms_) / 1000; // seconds
  const double error = latest_rate_ - measured;        // per second
  const double backlog =
      milliseconds(delay) * measured / interval_ms_;      // per second: waiting work as a rate
  const double slope = (error - latest_error_) / elapsed; // per second squared
  latest_ms_ = now_ms;
  if (first_) {
    prime(measured);
    return std::nullopt;
  }
  terms_ = {.proportional = gains_.proportional * error,
            .integral = gains_.integral * backlog,
            .derivative = gains_.derivative * slope};
  const double wanted = latest_rate_ - terms_.proportional - terms_.integral - terms_.derivative;
  terms_.raised_to_min_rate = wanted < gains_.min_rate;
  latest_rate_ = std::max(wanted, gains_.min_rate);
  latest_error_ = error;
  return latest_rate_;
}

void pid_rate_estimator::applied(double rate) noexcept {
  if (!first_)
    latest_rate_ = rate;
}

void pid_rate_estimator::prime(double rate) noexcept {
  latest_rate_ = rate;
  latest_error_ = 0;
  first_ = false;
}

void pid_rate_estimator::reset() noexcept {
  first_ = true;
  latest_ms_ = latest_rate_ = latest_error_ = -1;
  terms_ = {};
}

expected<void> pid_rate_estimator::set_gains(pid_gains gains) {
  if (auto valid = check(gains); !valid)
    return valid;
  gains_ = gains;
  return {};
}

} // namespace weir
