// A controller that believes a fitted cost model more than the last batch. Kept for the judge,
// which must refuse it.
#pragma once

#include "former_cost_model.hpp"

#include <weir/backpressure/plant_model.hpp>
#include <weir/backpressure/rate_split.hpp>

namespace pid {

/// With its defaults: one rate for the job in records/s, no bounds.
class former_controller final : public weir::plant_policy {
public:
  explicit former_controller(weir::duration interval)
      : interval_(weir::seconds_of(interval)), law_(*weir::pid_rate_estimator::make(interval)) {
    law_.prime(learnt_);
  }

  std::vector<std::optional<double>>
  cut(const weir::plan_moment& at, std::span<const weir::partition_backlog> backlogs) override {
    last_cut_ = at.now;
    rate_ = rate_now(at.unfinished);
    std::vector<std::optional<double>> limits;
    for (const auto& share : split_.divide(rate_ * interval_, backlogs))
      limits.emplace_back(static_cast<double>(*share.max_records));
    return limits;
  }

  void finished(const weir::batch_timing& batch) override {
    if (batch.records == 0 || batch.processing_time <= weir::duration::zero())
      return;
    if (last_end_ && weir::seconds_of(batch.end - *last_end_) > 3 * interval_) {
      law_.reset();
      law_.prime(learnt_);
      model_.doubt();
    }
    last_end_ = batch.end;
    model_.observe(static_cast<double>(batch.records), weir::seconds_of(batch.processing_time));
    const double until_cut =
        last_cut_ ? std::max(weir::seconds_of(*last_cut_ - batch.end) + interval_, 0.0) : 0.0;
    const double delay = std::max(look_ahead(batch.unfinished).seconds - until_cut, 0.0);
    const auto rate = law_.step(batch.end, model_.capacity(),
                                weir::duration{static_cast<weir::duration::rep>(delay * 1e9)});
    if (!rate)
      return;
    judged_ = delay;
    rate_ = learnt_ = std::min(*rate, 10 * learnt_);
    law_.applied(learnt_);
  }

  [[nodiscard]] std::optional<double> rate() const override { return rate_; }

private:
  struct outlook {
    double seconds = 0;
    double slowdown = 1;
  };

  [[nodiscard]] outlook look_ahead(const weir::work_in_flight& work) const {
    if (work.batches == 0)
      return {};
    const auto running = static_cast<double>(work.running_records);
    const bool one_runs = running > 0 || work.running_for > weir::duration::zero();
    const double waiting =
        (work.batches - (one_runs ? 1.0 : 0.0)) * model_.fixed_seconds() +
        (static_cast<double>(work.records) - running) * model_.seconds_per_unit();
    if (!one_runs)
      return {.seconds = waiting};
    const double expected = model_.seconds_for(running);
    const double elapsed = weir::seconds_of(work.running_for);
    const double late = expected + 0.1 * interval_;
    if (elapsed <= late)
      return {.seconds = std::max(expected - elapsed, 0.0) + waiting};
    return {.seconds = waiting * elapsed / late, .slowdown = elapsed / late};
  }

  [[nodiscard]] double rate_now(const weir::work_in_flight& work) const {
    if (model_.batches() == 0)
      return work.batches == 0 ? learnt_ : std::min(learnt_, law_.gains().min_rate);
    const auto ahead = look_ahead(work);
    const double per_interval = model_.capacity() / ahead.slowdown / interval_;
    const double unjudged = std::max(ahead.seconds - judged_, 0.0);
    const double above = std::max(ahead.seconds - 0.3 * interval_, 0.0);
    const double drained =
        learnt_ / ahead.slowdown - (law_.gains().integral * unjudged + above) * per_interval;
    return std::max(drained, std::min(learnt_, law_.gains().min_rate));
  }

  double interval_;
  weir::pid_rate_estimator law_;
  former_cost_model model_{interval_, 1000};
  weir::rate_split split_;
  double learnt_ = 1000; ///< Records/s, before what has gone wrong since the last batch.
  double rate_ = 1000;
  double judged_ = 0; ///< Seconds of delay that the law has taken into `learnt_`.
  std::optional<weir::steady_time> last_end_;
  std::optional<weir::steady_time> last_cut_;
};

} // namespace pid
