// From a finished batch to the limits of the next.
#include <weir/backpressure/rate_controller.hpp>

#include <weir/backpressure/internal/check_options.hpp>

#include <algorithm>
#include <cmath>

namespace weir {

namespace {

constexpr double grace = 0.1;          // of the interval: a small batch is not overdue for a hiccup
constexpr double overdue_share = 0.5;  // of the time by which a batch is late: what it still takes
constexpr double least_drained = 0.25; // of what fits, unless a batch is overdue
// Of the variance of batch times: what waits where the workers are kept busy grows with the square.
constexpr double waiting_per_variance = 4;
constexpr double rounding = 1e-9;          // relative
constexpr double record_size_memory = 0.1; // weight of the newest batch in the average record size

duration from_seconds(double s) noexcept {
  constexpr double longest = 9e9; // a duration holds 292 years
  return duration{static_cast<duration::rep>(std::clamp(s, 0.0, longest) * 1e9)};
}

} // namespace

expected<rate_controller> rate_controller::make(duration batch_interval,
                                                rate_control_options options) {
  auto law = pid_rate_estimator::make(batch_interval, options.gains);
  if (!law)
    return std::move(law).error();
  if (auto valid = internal::check_options(options); !valid)
    return std::move(valid).error();
  rate_controller made{batch_interval, std::move(options), *std::move(law)};
  if (made.options_.estimator && !made.own_)
    return error{errc::invalid_config,
                 "rate_control.estimator made a null pointer; it must make an "
                 "estimator, or be left empty for the law"};
  return made;
}

rate_controller::rate_controller(duration batch_interval, rate_control_options options,
                                 pid_rate_estimator law)
    : interval_(batch_interval), options_(std::move(options)), law_(std::move(law)),
      estimate_(seconds_of(batch_interval), options_.first_batch_rate),
      processed_(options_.first_batch_rate) {
  decision_.unit = options_.unit;
  if (options_.estimator)
    own_ = options_.estimator(batch_interval);
  if (!options_.enabled) {
    rate_ = options_.job.ceiling;
    decision_.clamp = rate_clamp::off;
  } else {
    rate_ = bounded(options_.first_batch_rate);
    decision_.clamp = rate_clamp::first_batch;
    if (options_.extensions.capacity_estimate)
      law_.prime(*rate_); // the controller knows the first rate: the first batch gives an estimate
  }
  decision_.rate_before = decision_.rate_after = rate_;
}

expected<void> rate_controller::set_gains(pid_gains gains) {
  auto done = law_.set_gains(gains);
  if (done)
    options_.gains = gains;
  return done;
}

std::vector<partition_share> rate_controller::limits(const plan_moment& at,
                                                     std::span<const partition_backlog> backlogs) {
  last_cut_ = at.now;
  const double seconds = seconds_of(at.interval);
  auto shares = divide(options_.enabled ? rate_now(at) : rate_, seconds, backlogs);
  decision_.split = shares;
  name_binding_bound();
  return shares;
}

rate_decision rate_controller::on_batch(const batch_timing& batch) {
  decision_.rate_before = rate_;
  decision_.rate_after = rate_;
  decision_.measured_rate.reset();
  decision_.proportional = decision_.integral = decision_.derivative = decision_.drain = 0;
  const double units = units_of(batch.records, batch.bytes);
  if (!options_.enabled) {
    decision_.clamp = rate_clamp::off;
  } else if (!(units > 0) || batch.processing_time <= duration::zero()) {
    decision_.clamp = rate_clamp::no_estimate;
  } else {
    forget_after_pause(batch.end - batch.processing_time, batch.end);
    learn_record_size(batch);
    learn_partitions(batch);
    learn_rate(batch, units);
    name_binding_bound();
  }
  return decision_;
}

/// Where ceilings or floors of partitions decided, the job's rate did not, whatever bounds it.
void rate_controller::name_binding_bound() noexcept {
  if (options_.enabled && split_bound_)
    decision_.clamp = *split_bound_;
}

expected<void> rate_controller::set_bounds(rate_bounds job, rate_bounds partition) {
  auto changed = options_;
  changed.job = job;
  changed.partition = partition;
  if (auto valid = internal::check_options(changed); !valid)
    return valid;
  options_ = std::move(changed);
  if (!options_.enabled)
    rate_ = options_.job.ceiling;
  else if (const double inside = bounded(*rate_); inside != *rate_) {
    rate_ = inside;
    law_.applied(inside);
  }
  decision_.rate_after = rate_;
  return {};
}

void rate_controller::learn_rate(const batch_timing& batch, double units) {
  const auto& extensions = options_.extensions;
  const double measured =
      units / std::chrono::duration<double, std::milli>(batch.processing_time).count() * 1000;
  estimate_.observe(units, seconds_to_judge(batch), batch.limited);
  const double capacity = extensions.capacity_estimate ? estimate_.capacity() : measured;
  const duration delay = extensions.predict_delay ? expected_delay(batch) : batch.scheduling_delay;
  decision_.measured_rate = measured;
  decision_.capacity = capacity;
  decision_.fixed_cost = from_seconds(estimate_.fixed_seconds());
  decision_.nanoseconds_per_unit = estimate_.seconds_per_unit() * 1e9;
  decision_.expected_delay = delay;

  const auto estimate = own_ ? own_->update(batch) : law_.step(batch.end, capacity, delay);
  if (!estimate) {
    decision_.clamp = rate_clamp::no_estimate;
    return;
  }
  const auto terms = own_ ? pid_rate_estimator::terms{} : law_.last_terms();
  decision_.proportional = terms.proportional;
  decision_.integral = terms.integral;
  decision_.derivative = terms.derivative;
  decision_.clamp = terms.raised_to_min_rate ? rate_clamp::min_rate : rate_clamp::none;
  delay_judged_ = delay;

  double rate = *estimate;
  const bool keeps_up =
      !batch.limited && batch.processing_time + batch.scheduling_delay <= interval_;
  if (extensions.anti_windup && !extensions.capacity_estimate && keeps_up && rate < *rate_) {
    rate = *rate_;
    decision_.clamp = rate_clamp::data_bound;
  }
  processed_ = std::max(processed_, units / seconds_of(interval_));
  if (extensions.max_rise) {
    const double most = *extensions.max_rise * std::min(*rate_, processed_);
    if (rate > most) {
      rate = std::max(most, std::min(*rate_, rate));
      decision_.clamp = rate_clamp::max_rise;
    }
  }
  rate_ = bounded(rate);
  if (extensions.anti_windup)
    law_.applied(*rate_);
  decision_.rate_after = rate_;
}

/// The rate for a batch cut now: the learnt one, less what has gone wrong since, and more when less
/// waits than the noise of the batches calls for.
double rate_controller::rate_now(const plan_moment& at) noexcept {
  decision_.drain = 0;
  decision_.rate_after = rate_;
  const auto& extensions = options_.extensions;
  if (!extensions.predict_delay)
    return *rate_;
  if (estimate_.batches() ==
      0) { // the first batch is still out: do not send a second one blindly after it
    if (at.unfinished.batches == 0)
      return *rate_;
    decision_.clamp = rate_clamp::first_batch;
    decision_.rate_after = bounded(std::min(*rate_, law_.gains().min_rate));
    return *decision_.rate_after;
  }
  const double interval = seconds_of(interval_);
  const double noise = estimate_.noise();
  const double usual = waiting_per_variance * noise * noise; // waiting work, in intervals
  const double waiting = seconds_ahead(at.unfinished);
  const double unjudged = std::max(waiting - seconds_of(delay_judged_), 0.0);
  double excess = 0; // seconds of work; below 0 there may be more
  if (extensions.drain_above)
    excess = std::max(waiting - (*extensions.drain_above + noise + usual) * interval, 0.0) -
             std::max(usual * interval - waiting, 0.0);
  decision_.expected_delay = from_seconds(waiting);
  decision_.drain = (law_.gains().integral * unjudged + excess) * estimate_.capacity() / interval;
  if (decision_.drain > 0)
    decision_.clamp = rate_clamp::drain;
  if (decision_.drain != 0) {
    // Less would not shorten what is cut already, and would waste the batch.
    const double least =
        seconds_late(at.unfinished) > 0
            ? law_.gains().min_rate
            : std::max(law_.gains().min_rate, least_drained * estimate_.capacity());
    decision_.rate_after = bounded(std::max(*rate_ - decision_.drain, std::min(*rate_, least)));
  }
  return *decision_.rate_after;
}

/// How long the work already cut will take from now. A running batch that is overdue is believed to
/// take half as long again as it is late.
double rate_controller::seconds_ahead(const work_in_flight& unfinished) const noexcept {
  if (unfinished.batches == 0)
    return 0;
  const double all = expected_units(unfinished.records, unfinished.bytes);
  const double running = expected_units(unfinished.running_records, unfinished.running_bytes);
  const bool one_runs = running > 0 || unfinished.running_for > duration::zero();
  const double waiting_batches = static_cast<double>(unfinished.batches) - (one_runs ? 1.0 : 0.0);
  const double waiting = waiting_batches * estimate_.fixed_seconds() +
                         std::max(all - running, 0.0) * estimate_.seconds_per_unit();
  if (!one_runs)
    return waiting;
  const double late = seconds_late(unfinished);
  if (late > 0)
    return waiting + overdue_share * late;
  return waiting +
         std::max(estimate_.seconds_for(running) - seconds_of(unfinished.running_for), 0.0);
}

/// By how much the running batch has taken longer than expected; below 0 when it has not.
double rate_controller::seconds_late(const work_in_flight& unfinished) const noexcept {
  const double running = expected_units(unfinished.running_records, unfinished.running_bytes);
  return seconds_of(unfinished.running_for) - estimate_.seconds_for(running) -
         grace * seconds_of(interval_);
}

/// Delay that the next batch to be cut will meet, seen from the end of this one.
duration rate_controller::expected_delay(const batch_timing& batch) const noexcept {
  const double until_cut = last_cut_ ? seconds_of(*last_cut_ + interval_ - batch.end) : 0.0;
  return from_seconds(seconds_ahead(batch.unfinished) - std::max(until_cut, 0.0));
}

double rate_controller::bounded(double rate) noexcept {
  if (rate < options_.job.floor) {
    rate = options_.job.floor;
    decision_.clamp = rate_clamp::floor;
  }
  if (options_.job.ceiling && rate > *options_.job.ceiling) {
    rate = *options_.job.ceiling;
    decision_.clamp = rate_clamp::ceiling;
  }
  return rate;
}

std::vector<partition_share> rate_controller::divide(std::optional<double> rate, double seconds,
                                                     std::span<const partition_backlog> backlogs) {
  const double records_per_unit = options_.unit == rate_unit::bytes ? 1 / bytes_per_record_ : 1.0;
  const double scale = seconds * records_per_unit;
  std::vector<partition_backlog> capped(backlogs.begin(), backlogs.end());
  double floors = 0;
  double unread = 0;
  for (auto& b : capped) {
    unread += static_cast<double>(b.lag);
    floors += std::min(static_cast<double>(b.lag), options_.partition.floor * scale);
    const auto hold = [&b](double cap) { b.cap = std::min(b.cap.value_or(cap), cap); };
    if (b.ceiling)
      hold(*b.ceiling * scale);
    const auto own = std::ranges::find(partitions_, b.partition, &partition_estimate::partition);
    if (own != partitions_.end())
      hold(std::max(own->estimate.capacity(),
                    options_.gains.min_rate / static_cast<double>(capped.size())) *
           scale);
  }
  split_bound_.reset();
  std::vector<partition_share> shares;
  const auto& ceiling = options_.partition.ceiling;
  if (!rate && !ceiling) { // nothing but caps limits: say so, never with a number
    for (const auto& b : capped)
      shares.push_back(
          {b.partition, b.cap ? std::optional{static_cast<std::uint64_t>(*b.cap)} : std::nullopt});
    return shares;
  }
  const double ceilings = ceiling ? *ceiling * scale * static_cast<double>(capped.size()) : 0.0;
  double batch_records = rate ? std::max(*rate * scale, floors) : ceilings;
  if (options_.job.ceiling)
    batch_records = std::min(batch_records, *options_.job.ceiling * scale);
  if (rate && batch_records > *rate * scale * (1 + rounding))
    split_bound_ = rate_clamp::partition_floor;
  shares = split_.divide(batch_records, capped, options_.partition.floor * scale,
                         ceiling ? std::optional{*ceiling * scale} : std::nullopt);
  double given = 0;
  for (const auto& share : shares)
    given += static_cast<double>(share.max_records.value_or(0));
  const auto partitions = static_cast<double>(shares.size()); // each is cut to a whole number
  if (rate && given + partitions < std::min(batch_records, unread) * (1 - rounding))
    split_bound_ = rate_clamp::partition_ceiling;
  return shares;
}

/// Units of work that has been cut; its bytes may not be known before it has been read.
double rate_controller::expected_units(std::uint64_t records, std::uint64_t bytes) const noexcept {
  if (options_.unit == rate_unit::bytes && bytes == 0)
    return static_cast<double>(records) * bytes_per_record_;
  return units_of(records, bytes);
}

double rate_controller::units_of(std::uint64_t records, std::uint64_t bytes) const noexcept {
  return static_cast<double>(options_.unit == rate_unit::bytes ? bytes : records);
}

void rate_controller::learn_record_size(const batch_timing& batch) noexcept {
  if (batch.records == 0 || batch.bytes == 0)
    return;
  const double size = static_cast<double>(batch.bytes) / static_cast<double>(batch.records);
  bytes_per_record_ += (bytes_seen_ ? record_size_memory : 1.0) * (size - bytes_per_record_);
  bytes_seen_ = true;
}

void rate_controller::learn_partitions(const batch_timing& batch) {
  if (options_.scope != rate_scope::partition)
    return;
  for (const auto& p : batch.partitions) {
    const double units = units_of(p.records, p.bytes);
    if (!(units > 0) || p.busy <= duration::zero())
      continue;
    auto own = std::ranges::find(partitions_, p.partition, &partition_estimate::partition);
    if (own == partitions_.end())
      own = partitions_.insert(
          own, {p.partition, capacity_estimate{seconds_of(interval_), options_.first_batch_rate}});
    own->estimate.observe(units, seconds_of(p.busy), true);
  }
}

/// Seconds the whole batch is judged by. A partition that keeps others waiting is held back by its
/// own limit; with scope partition the job is therefore judged by the time that evenly busy workers
/// would have needed.
double rate_controller::seconds_to_judge(const batch_timing& batch) const noexcept {
  const double processing = seconds_of(batch.processing_time);
  if (options_.scope != rate_scope::partition || batch.workers <= 1)
    return processing;
  double busy = 0;
  double longest = 0;
  std::uint32_t active = 0;
  for (const auto& p : batch.partitions) {
    busy += seconds_of(p.busy);
    longest = std::max(longest, seconds_of(p.busy));
    active += p.busy > duration::zero() ? 1 : 0;
  }
  if (active == 0)
    return processing;
  const double even = busy / std::min(batch.workers, active);
  return std::max(processing - std::max(longest, even), 0.0) + even;
}

/// After a pause the law's error and slope speak of another time, and the costs may have changed.
void rate_controller::forget_after_pause(steady_time start, steady_time end) noexcept {
  const auto& after = options_.extensions.reset_after;
  if (after && last_end_ && seconds_of(start - *last_end_) > *after * seconds_of(interval_)) {
    law_.reset();
    if (options_.extensions.capacity_estimate)
      law_.prime(*rate_);
    estimate_.doubt();
    for (auto& p : partitions_)
      p.estimate.doubt();
  }
  last_end_ = end;
}

} // namespace weir
