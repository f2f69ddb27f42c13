#include <weir/runtime/internal/job.hpp>

#include <weir/runtime/internal/batch_description.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

using namespace std::chrono_literals;

job::job(const composition& composed, plan planned,
         std::vector<std::shared_ptr<listener>> listeners)
    : composed_(&composed), plan_(std::move(planned)), listeners_(std::move(listeners), *this),
      clock_(composed.options.clock ? composed.options.clock : system_clock()),
      in_line_(composed.options.executor == executor_kind::in_line), loop_(*clock_),
      side_values_(composed.side_values, *clock_, loop_,
                   [this](log_level level, std::string_view component, std::string_view text) {
                     log(level, component, text);
                   }),
      inputs_(composed, plan_, *this),
      watermarks_(composed.graph, plan_, is_bounded(composed.options.trigger)),
      batches_(composed.options.max_waiting_batches, watermarks_, listeners_), end_(*this),
      planner_({.composed = &composed,
                .all = &plan_,
                .time = clock_.get(),
                .inputs = &inputs_,
                .batches = &batches_,
                .watermarks = &watermarks_,
                .side_values = &side_values_,
                .interruptions = &interruptions_,
                .end = &end_,
                .log = [this](log_level level,
                              std::string_view text) { log(level, "weir.job", text); }}),
      watch_(composed.options.batch_interval,
             [this](log_level level, std::string_view text) { log(level, "weir.job", text); }),
      finished_future_(finished_promise_.get_future()) {}

job::~job() {
  if (!finished()) {
    request_stop(0s, stop_mode::abandon);
    while (in_line_ && executor_ && !finished())
      if (!turn())
        idle(10ms);
  }
  if (control_thread_.joinable())
    control_thread_.join();
}

// ---- start

expected<void> job::start(const job_inputs::governor_factory& make_governor,
                          const executor_factory& make_executor) {
  auto opened = guarded([] { return "start"; },
                        [&]() -> expected<void> {
                          if (!in_line_)
                            helper_ = make_helper("help");
                          if (auto loaded = side_values_.load_all(); !loaded)
                            return loaded;
                          if (auto ready = inputs_.open(make_governor); !ready)
                            return ready;
                          executor_ = make_executor(describe_to_executor());
                          batches_.run_on(*executor_);
                          return executor_->start();
                        });
  if (!opened) {
    executor_.reset();
    inputs_.close(0s);
    helper_.reset();
    finished_ = true;
    finished_promise_.set_value();
    return opened;
  }
  if (!in_line_ && side_values_.reloads())
    side_values_.reload_on(make_helper("tab"));
  if (!in_line_)
    control_thread_ = std::thread([this] { run_control_thread(); });
  return {};
}

std::unique_ptr<helper_thread> job::make_helper(std::string_view suffix) const {
  const auto& options = composed_->options;
  return std::make_unique<helper_thread>(fmt::format("{}.{}", options.name, suffix),
                                         options.on_thread_start);
}

executor_setup job::describe_to_executor() {
  return {
      .job_name = composed_->options.name,
      .job = &composed_->graph,
      .all = &plan_,
      .time = clock_.get(),
      .seed = composed_->options.seed,
      .log = [this](log_level level, std::string_view component,
                    std::string_view text) { log(level, component, text); },
      .make_receiver = [this](source_id id,
                              std::uint32_t replica) { return inputs_.make_receiver(id, replica); },
      .on_thread_start = composed_->options.on_thread_start,
      .call_at =
          [this](steady_time at, std::function<void()> call) {
            loop_.post([this, at, call = std::move(call)]() mutable {
              timers_.emplace(at, std::move(call));
            });
          },
      .events = {.prepared =
                     [this](epoch at, std::vector<replica_id> replicas) {
                       loop_.post([this, at, replicas = std::move(replicas)] {
                         on_prepared(at, replicas);
                       });
                     },
                 .complete =
                     [this](epoch at, std::vector<replica_report> reports) {
                       loop_.post([this, at, reports = std::move(reports)]() mutable {
                         on_complete(at, std::move(reports));
                       });
                     },
                 .failed =
                     [this](epoch at, error reason) {
                       loop_.post([this, at, reason = std::move(reason)]() mutable {
                         on_failed(at, std::move(reason));
                       });
                     },
                 .aborted = [this](epoch at) { loop_.post([this, at] { on_aborted(at); }); },
                 .work_waits = [this] { loop_.post([] {}); }},
  };
}

// ---- the control thread

void job::run_control_thread() {
  enter_thread("ctl");
  while (!finished())
    if (!turn())
      loop_.wait_until(next_deadline());
}

bool job::turn(duration limit) {
  if (finished() || !executor_ || calls_me())
    return false;
  std::lock_guard one(turn_);
  return take_turn(end_of_slice(limit));
}

void job::take_slice() {
  if (finished() || !executor_ || calls_me())
    return;
  std::lock_guard one(turn_);
  const auto until = end_of_slice();
  do
    more_to_do_ = take_turn(until);
  while (more_to_do_ && clock_->steady_now() < until);
}

steady_time job::end_of_slice(duration limit) const {
  return deadline_after(clock_->steady_now(), std::min(composed_->options.slice, limit));
}

void job::turn_or_wait(duration limit) {
  std::unique_lock one(turn_, std::try_to_lock);
  if (!one) {
    wait(limit);
    return;
  }
  if (take_turn(end_of_slice()))
    return;
  const auto until = std::min(next_deadline(), deadline_after(clock_->steady_now(), limit));
  one.unlock();
  loop_.wait_until(until);
}

/// What a source throws on the way ends the job, as an error of it would.
bool job::take_turn(steady_time until) {
  if (finished())
    return false;
  turning_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  bool worked = !end_.failure(); // when it throws for the first time there is more to do
  if (auto went =
          guarded([] { return "the job's control"; }, [&] { worked = do_what_is_due(until); });
      !went)
    end_.fail(std::move(went).error());
  if (end_.just_begun())
    inputs_.interrupt();
  worked = end_.settle(batches_, planner_, inputs_, clock_->steady_now()) || worked;
  if (end_.has_come())
    finish();
  turning_.store({}, std::memory_order_relaxed);
  return worked;
}

bool job::do_what_is_due(steady_time until) {
  bool worked = executor_->run_ready(until);
  worked = loop_.run_posted() || worked;
  worked = run_timers() || worked;
  poll_sources(); // alone no progress: it comes again and again
  worked = interruptions_.settle(batches_, planner_, inputs_.surveying(), clock_->steady_now()) ||
           worked;
  worked = side_values_.reload_due() || worked;
  if (planner_.plan_when_due()) {
    worked = true;
    if (composed_->options.trigger == trigger::every)
      watch_.on_tick(batches_.unfinished(clock_->steady_now()));
  }
  return start_next_batch() || worked;
}

duration job::due_in() {
  if (calls_me())
    return 0s;
  std::lock_guard one(turn_);
  if (more_to_do_ && !finished())
    return 0s;
  return std::max<duration>(0s, next_deadline() - clock_->steady_now());
}

void job::idle(duration limit) {
  std::unique_lock one(turn_);
  const auto until = std::min(next_deadline(), deadline_after(clock_->steady_now(), limit));
  one.unlock();
  loop_.wait_until(until);
}

steady_time job::next_deadline() const {
  const auto now = clock_->steady_now();
  const auto next = std::min({next_poll_, side_values_.next_due(), end_.next_deadline(now),
                              interruptions_.next_deadline(now), planner_.next_deadline()});
  return timers_.empty() ? next : std::min(next, timers_.begin()->first);
}

bool job::run_timers() {
  const auto now = clock_->steady_now();
  bool worked = false;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    auto due = timers_.extract(timers_.begin());
    due.mapped()();
    worked = true;
  }
  return worked;
}

void job::poll_sources() {
  const auto now = clock_->steady_now();
  if (poll_wanted_.exchange(false, std::memory_order_acq_rel) || now >= next_poll_)
    next_poll_ = now + inputs_.poll();
}

// ---- batches

bool job::start_next_batch() {
  if (interruptions_.wanted() || batches_.aborting() || end_.failure())
    return false;
  if (inputs_.stores()) { // the first batch tells a store where reading goes on
    if (!inputs_.settled() || (batches_.decided() == epoch(0) && !inputs_.ready()))
      return false;
  }
  return batches_.start_next(clock_->steady_now());
}

void job::on_prepared(epoch at, const std::vector<replica_id>& replicas) {
  if (batches_.is_open(at) && !batches_.aborting())
    batches_.commit(replicas);
}

void job::on_complete(epoch at, std::vector<replica_report> reports) {
  if (!batches_.is_open(at) || batches_.aborting())
    return;
  auto done = batches_.complete();
  if (done.whole->open_ended) {
    done.whole = std::make_shared<batch>(*done.whole); // operators may still hold the other one
    inputs_.learn_ends(*done.whole, reports);
  }
  watermarks_.completed(*done.whole, reports, clock_->steady_now());
  planner_.completed(done.whole);
  const auto report = describe(done, reports);
  inputs_.completed(done.whole);
  if (composed_->options.trigger == trigger::every)
    watch_.on_finished(report);
  listeners_.finished(report);
}

void job::on_failed(epoch at, error reason) {
  if (batches_.is_open(at) && !batches_.aborting())
    batches_.abort(std::move(reason));
}

void job::on_aborted(epoch at) {
  if (!batches_.aborting() || !batches_.is_open(at))
    return;
  const auto reason = batches_.abort_reason();
  const auto dropped = batches_.drop();
  batches_.drop_waiting();
  planner_.start_over(dropped);
  auto report = describe(dropped, {});
  report.failure =
      reason ? *reason
             : error(interruptions_.wanted() ? errc::partitions_lost : errc::stopped,
                     "the batch was aborted before it was complete; its offsets are not committed");
  listeners_.finished(report);
  if (end_.stopping() || reason) // else it is planned again
    end_.leave(dropped);
  if (reason)
    end_.fail(*reason);
}

batch_report job::describe(const planned_batch& done, const std::vector<replica_report>& reports) {
  const auto now = clock_->steady_now();
  batch_report report{.epoch = done.whole->epoch,
                      .time = done.whole->time,
                      .interval = composed_->options.batch_interval,
                      .lateness = done.lateness,
                      .scheduling_delay = done.started - done.submitted,
                      .processing_time = now - done.started,
                      .records = 0,
                      .bytes = 0,
                      .dropped = 0,
                      .late = 0,
                      .merged_ticks = done.merged_ticks,
                      .clock_ahead = done.clock_ahead,
                      .waiting_batches = static_cast<std::uint32_t>(batches_.waiting().size()),
                      .sources = {},
                      .operators = {},
                      .edges = {},
                      .watermarks = watermarks_.describe(*done.whole),
                      .failure = {}};
  describe_work(composed_->graph, plan_, reports, report);
  inputs_.describe(done, reports, batches_.unfinished(now), report);
  return report;
}

// ---- the end

void job::finish() {
  timers_.clear();
  auto decided = batches_.decided();
  if (decided > epoch(0) && !inputs_.settled()) {
    log(log_level::warning, "weir.job",
        "the positions behind the last batch are not written down yet: the next start decides "
        "whether its "
        "state counts");
    decided = epoch(decided.value - 1);
  }
  executor_->stop(decided);
  inputs_.close(end_.time_to_close(clock_->steady_now()));
  helper_.reset();
  side_values_.end();
  end_.closed(clock_->steady_now());
  finished_.store(true, std::memory_order_release);
  finished_promise_.set_value();
}

void job::request_stop(duration deadline, stop_mode mode) {
  loop_.post([this, deadline, mode] {
    if (end_.stop(mode, deadline_after(clock_->steady_now(), deadline)) && mode == stop_mode::drain)
      inputs_.drain();
  });
}

void job::set_gains(pid_gains gains) {
  loop_.post([this, gains] {
    if (auto set = inputs_.set_gains(gains); !set)
      log(log_level::error, "weir.job", set.error().to_string());
  });
}

void job::set_rate_limits(rate_limits limits) {
  loop_.post([this, limits = std::move(limits)] {
    if (auto set = inputs_.set_limits(limits); !set)
      log(log_level::error, "weir.job", set.error().to_string());
  });
}

bool job::wait(duration limit) {
  return finished_future_.wait_until(deadline_after(std::chrono::steady_clock::now(), limit)) ==
         std::future_status::ready;
}

// ---- source_host

void job::quiesce(quiesce_kind kind, duration deadline, std::function<void()> then) {
  inputs_.forget_surveys(); // asked of partitions that are about to change
  interruptions_.ask(kind, deadline_after(clock_->steady_now(), deadline), std::move(then));
}

void job::run_blocking(std::function<void()> call, std::function<void()> then) {
  auto work = [this, call = std::move(call)] {
    if (auto done = guarded([] { return "a source's query"; }, call); !done)
      fail(std::move(done).error());
  };
  if (!helper_) {
    work();
    loop_.post(std::move(then));
    return;
  }
  helper_->post([this, work = std::move(work), then = std::move(then)]() mutable {
    work();
    loop_.post(std::move(then));
  });
}

void job::wake() {
  poll_wanted_.store(true, std::memory_order_release);
  loop_.post([] {});
}

void job::fail(error reason) {
  loop_.post([this, reason = std::move(reason)]() mutable { end_.fail(std::move(reason)); });
}

void job::enter_thread(std::string_view suffix) {
  weir::enter_thread(fmt::format("{}.{}", composed_->options.name, suffix),
                     composed_->options.on_thread_start);
}

void job::log(log_level level, std::string_view component, std::string_view message) {
  const auto& options = composed_->options;
  if (options.log && level >= options.min_log_level)
    options.log({level, component, message});
}

} // namespace weir
