#include <weir/runtime/internal/batch_planner.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace weir {

using namespace std::chrono_literals;
using std::chrono::floor;
using std::chrono::milliseconds;

namespace {

/// Between two looks for ends that could not be seen.
constexpr duration between_looks = 100ms;

} // namespace

batch_planner::batch_planner(const planner_environment& environment)
    : with_(environment), kind_(environment.composed->options.trigger),
      interval_(environment.composed->options.batch_interval),
      generator_(interval_, moment_of(*environment.time)) {}

bool batch_planner::allowed() const {
  return (!with_.end->stopping() || with_.end->draining(*with_.inputs)) &&
         !with_.interruptions->wanted() && !with_.batches->aborting() && !with_.end->failure() &&
         !with_.inputs->surveying();
}

// ---- when

bool batch_planner::plan_when_due() {
  if (kind_ == trigger::continuous)
    return follow_epochs();
  // A stop that drains does not wait for ticks.
  return kind_ == trigger::every && !with_.end->stopping() ? plan_tick() : plan_bounded();
}

steady_time batch_planner::next_deadline() const {
  if (kind_ == trigger::every) // nothing is planned by ticks once a stop has begun
    return with_.end->stopping() ? steady_time::max() : generator_.next().due;
  if (kind_ == trigger::continuous && with_.batches->open() && allowed() &&
      !with_.batches->cutting())
    return open_until_;
  if (is_bounded(kind_) && with_.time->steady_now() < ask_again_)
    return ask_again_;
  return steady_time::max();
}

bool batch_planner::plan_tick() {
  const auto now = moment_of(*with_.time);
  const auto due = generator_.due(now);
  if (!due)
    return false;
  look_at_clock(now);
  if (allowed() && with_.batches->has_room())
    survey(*due);
  else
    generator_.merge(*due);
  return true;
}

bool batch_planner::plan_bounded() {
  if (planned_all_ || !with_.batches->idle() || !with_.inputs->ready() || !allowed())
    return false;
  // Times of batches that do not follow the clock still rise.
  const auto now = moment_of(*with_.time);
  if (now.steady < ask_again_)
    return false;
  look_at_clock(now);
  const auto time = floor<milliseconds>(generator_.at(now.steady));
  survey({.time = std::max<batch_time>(time, last_time_ + 1ms),
          .due = now.steady,
          .moved = generator_.moved()});
  return true;
}

/// An epoch ends at its time. The sources are asked before how far they reach: so the next one can
/// open at once.
bool batch_planner::follow_epochs() {
  if (!allowed() || with_.batches->cutting() || !with_.batches->waiting().empty() ||
      with_.inputs->ended())
    return false;
  const auto now = moment_of(*with_.time);
  const auto& open = with_.batches->open();
  if (open && now.steady < open_until_)
    return false;
  if (open || !with_.inputs->up_to_date())
    survey({});
  else
    submit(next_epoch(now));
  return true;
}

/// A tick that passed while the last epoch ended has none of its own: it would have no time to
/// read.
tick batch_planner::next_epoch(moment now) {
  const auto passed = generator_.due(now);
  look_at_clock(now);
  auto next = generator_.next();
  if (last_tick_ == 0)
    return next;
  if (passed && passed->index > last_tick_)
    next.merged = static_cast<std::uint32_t>(passed->index - last_tick_);
  if (const auto early = last_tick_ + 1 - next.index; early > 0) { // the last one was cut
    next.time += early * interval_;
    next.due += early * interval_;
    next.index += early;
  }
  return next;
}

/// What a tick is told of the wall clock is said once, until it is set again.
void batch_planner::look_at_clock(moment now) {
  const auto ahead = generator_.ahead(now);
  clock_ahead_ = ahead;
  const bool followed = generator_.follow(now);
  if (followed)
    with_.log(log_level::warning,
              fmt::format("the wall clock is {:.3f} s ahead of batch times: it was set, or the "
                          "machine slept. Batch times follow it; the intervals in between get no "
                          "batches",
                          seconds_of(ahead)));
  else if (std::chrono::abs(ahead - clock_told_) > generator_.tolerance())
    with_.log(log_level::warning,
              fmt::format("the wall clock was set and is {:.3f} s {} batch times, which go on "
                          "steadily",
                          seconds_of(std::chrono::abs(ahead)), ahead < 0s ? "behind" : "ahead of"));
  else
    return;
  clock_told_ = followed ? 0s : ahead;
}

// ---- what

void batch_planner::survey(tick at) {
  with_.inputs->survey(
      [this, at](job_inputs::survey_answers answers) { on_surveyed(at, std::move(answers)); });
}

void batch_planner::on_surveyed(tick at, job_inputs::survey_answers answers) {
  if (!with_.inputs->is_current(answers) || !allowed()) {
    if (kind_ != trigger::continuous)
      generator_.merge(at);
    return;
  }
  if (auto learnt = with_.inputs->learn(std::move(answers)); !learnt)
    with_.end->fail(std::move(learnt).error());
  else if (kind_ != trigger::continuous)
    submit(at);
  else if (with_.batches->open())
    with_.batches->cut();
}

void batch_planner::submit(tick at) {
  const auto now = with_.time->steady_now();
  if (is_bounded(kind_) && !with_.inputs->saw_all_ends()) { // not to be taken for the end
    ask_again_ = now + between_looks;
    return;
  }
  if (kind_ == trigger::available_now) {
    with_.inputs->hold_to_first_ends(last_time_ == batch_time{});
    // A watermark that has advanced since the last batch still has results to release.
    if (with_.inputs->read_everything() && !with_.watermarks->due(now)) {
      planned_all_ = true;
      return;
    }
  }
  planned_all_ = kind_ == trigger::once;

  const bool stopping = with_.end->stopping();
  planned_batch planned{.whole = std::make_shared<batch>(),
                        .submitted = now,
                        .started = {},
                        .lateness = std::max<duration>(0s, now - at.due),
                        .merged_ticks = at.merged,
                        .clock_ahead = clock_ahead_,
                        .allowed = {}};
  auto& whole = *planned.whole;
  whole.time = at.time;
  whole.side_values = with_.side_values->current();
  whole.open_ended = kind_ == trigger::continuous;
  whole.moved = at.moved;
  const bool by_the_clock = !is_bounded(kind_) && !stopping;
  if (!last_planned_)
    first_tick_ = at.index;
  else
    whole.before = last_planned_->index;
  whole.index = by_the_clock ? at.index - first_tick_ + 1 : whole.before + 1;
  last_tick_ = at.index;
  open_until_ = at.due;
  last_time_ = at.time;
  with_.inputs->plan(planned, with_.batches->unfinished(now), stopping);
  if (auto described =
          describe_nodes(with_.composed->graph, *with_.all, whole, last_planned_.get());
      !described) {
    with_.end->fail(std::move(described).error());
    return;
  }
  last_planned_ = planned.whole;
  with_.batches->submit(std::move(planned));
}

// ---- back

void batch_planner::start_over(const planned_batch& dropped) {
  with_.inputs->forget_surveys();
  if (dropped.whole->open_ended) // it is read again at its time, if that has not passed
    last_tick_ = dropped.whole->index + first_tick_ - 2;
  rewind_to(dropped);
}

void batch_planner::rewind_to(const planned_batch& first) {
  last_planned_ = last_completed_;
  with_.inputs->rewind(first.whole);
}

} // namespace weir
