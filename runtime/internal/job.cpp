#include <weir/runtime/internal/job.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

using namespace std::chrono_literals;

job::job(const composition& composed, plan planned,
         std::vector<std::shared_ptr<listener>> listeners)
    : composed_(&composed), plan_(std::move(planned)), listeners_(std::move(listeners)),
      clock_(composed.options.clock ? composed.options.clock : system_clock()),
      in_line_(composed.options.executor == executor_kind::in_line), loop_(*clock_),
      side_values_(composed.side_values, *clock_, loop_,
                   [this](log_level level, std::string_view component, std::string_view text) {
                     log(level, component, text);
                   }),
      generator_(composed.options.batch_interval, clock_->now()),
      scheduler_(composed.options.max_waiting_batches),
      watermarks_(composed.graph, plan_, is_bounded(composed.options.trigger)),
      plan_now_(is_bounded(composed.options.trigger)),
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

expected<void> job::start(const governor_factory& make_governor,
                          const executor_factory& make_executor) {
  if (!in_line_)
    helper_ = std::make_unique<helper_thread>(composed_->options.name + ".help",
                                              composed_->options.on_thread_start);
  auto opened = side_values_.load_all();
  if (opened)
    opened = open_sources(make_governor);
  if (opened) {
    executor_ = make_executor({
        .job_name = composed_->options.name,
        .job = &composed_->graph,
        .all = &plan_,
        .time = clock_.get(),
        .seed = composed_->options.seed,
        .log = [this](log_level level, std::string_view component,
                      std::string_view text) { log(level, component, text); },
        .make_receiver =
            [this](source_id id, std::uint32_t replica) {
              return inputs_[id.value].control->make_receiver(replica);
            },
        .on_thread_start = composed_->options.on_thread_start,
        .call_at =
            [this](steady_time at, std::function<void()> call) {
              loop_.post([this, at, call = std::move(call)]() mutable {
                timers_.emplace(at, std::move(call));
              });
            },
        .events = {.complete =
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
    });
    opened = executor_->start();
  }
  if (!opened) {
    executor_.reset();
    for (auto& in : inputs_)
      (void)in.control->close(0s);
    helper_.reset();
    finished_ = true;
    finished_promise_.set_value();
    return opened;
  }
  if (!in_line_ && side_values_.reloads())
    side_values_.reload_on(std::make_unique<helper_thread>(composed_->options.name + ".tab",
                                                           composed_->options.on_thread_start));
  if (!in_line_)
    control_thread_ = std::thread([this] { run_control_thread(); });
  return {};
}

expected<void> job::open_sources(const governor_factory& make_governor) {
  const auto share = plan_.budget.sources / std::max<std::size_t>(1, plan_.sources.size());
  for (const auto id : plan_.sources) {
    const auto& n = composed_->graph.at(id);
    auto governor = make_governor(composed_->options);
    if (!governor)
      return std::move(governor).error();
    auto control = n.make_source();
    const auto opened = control->open({.job_name = composed_->options.name,
                                       .replicas = plan_.at(id).replicas,
                                       .memory_share = share,
                                       .batch_interval = composed_->options.batch_interval,
                                       .trigger = composed_->options.trigger,
                                       .limits = plan_.at(id).limits,
                                       .host = this,
                                       .on_thread_start = composed_->options.on_thread_start,
                                       .seed = composed_->options.seed});
    inputs_.push_back({.control = std::move(control),
                       .governor = std::move(*governor),
                       .unread = {},
                       .fixed_ends = {}});
    if (!opened)
      return error(opened.error()).with(fmt::format("source '{}'", n.label()));
    if (composed_->options.trigger == trigger::continuous &&
        !inputs_.back().control->runs_continuously())
      return error(errc::invalid_config,
                   fmt::format("source '{}' cannot run under trigger::continuous: it reads in "
                               "batches whose end is known; choose trigger::every",
                               n.label()))
          .at(n.where);
    publish_rate(inputs_.back());
  }
  return {};
}

// ---- the control thread

void job::run_control_thread() {
  enter_thread("ctl");
  while (!finished())
    if (!turn())
      loop_.wait_until(next_deadline());
}

bool job::turn() {
  if (finished() || !executor_ || calls_me())
    return false;
  turning_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  bool worked = executor_->run_ready();
  worked = loop_.run_posted() || worked;
  worked = run_timers() || worked;
  worked = poll_sources() || worked;
  worked = settle_quiesce() || worked;
  worked = side_values_.reload_due() || worked;
  worked = plan_when_due() || worked;
  worked = start_next_batch() || worked;
  worked = settle_stop() || worked;
  turning_.store({}, std::memory_order_relaxed);
  return worked;
}

duration job::due_in() const { return std::max<duration>(0s, next_deadline() - clock_->now()); }

void job::idle(duration limit) {
  loop_.wait_until(std::min(next_deadline(), clock_->now() + limit));
}

wall_time job::next_deadline() const {
  const auto now = clock_->now();
  const auto steady = clock_->steady_now();
  wall_time deadline = now + (next_poll_ - steady);
  if (composed_->options.trigger == trigger::every)
    deadline = std::min(deadline, generator_.next());
  else if (composed_->options.trigger == trigger::continuous && scheduler_.open() &&
           planning_allowed() && !cutting_)
    deadline = std::min<wall_time>(deadline, scheduler_.open()->whole->time);
  if (!timers_.empty())
    deadline = std::min(deadline, now + (timers_.begin()->first - steady));
  if (const auto due = side_values_.next_due(); due != steady_time::max())
    deadline = std::min(deadline, now + (due - steady));
  // A deadline that has passed has had its effect: what is awaited now is an answer, which wakes
  // the loop.
  if (stopping_ && stopping_->deadline > steady)
    deadline = std::min(deadline, now + (stopping_->deadline - steady));
  for (const auto& request : quiescing_)
    if (request.deadline > steady)
      deadline = std::min(deadline, now + (request.deadline - steady));
  return deadline;
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

bool job::poll_sources() {
  const auto now = clock_->steady_now();
  if (!poll_wanted_.exchange(false, std::memory_order_acq_rel) && now < next_poll_)
    return false;
  duration interval = 1s;
  for (auto& in : inputs_) {
    in.control->poll();
    interval = std::min(interval, in.control->poll_interval());
  }
  next_poll_ = now + interval;
  return false; // a poll alone is no progress: it comes again and again
}

// ---- planning

void job::publish_rate(input& in) {
  in.control->rate_changed(in.governor->rate(), composed_->options.rate_control.unit);
}

bool job::sources_ended() const {
  return !inputs_.empty() && std::all_of(inputs_.begin(), inputs_.end(),
                                         [](const input& in) { return in.control->ended(); });
}

bool job::draining() const {
  return stopping_ && stopping_->mode == stop_mode::drain && !failure_ &&
         std::any_of(inputs_.begin(), inputs_.end(),
                     [](const input& in) { return in.control->holds_unplanned(); });
}

bool job::planning_allowed() const {
  return (!stopping_ || draining()) && quiescing_.empty() && !aborting_ && !failure_ && !surveying_;
}

bool job::plan_when_due() {
  if (composed_->options.trigger == trigger::every && !stopping_) {
    const auto due = generator_.due(clock_->now());
    if (!due)
      return false;
    if (planning_allowed() && scheduler_.has_room())
      survey(*due);
    else
      generator_.merge(*due);
    return true;
  }
  if (composed_->options.trigger == trigger::continuous)
    return run_epochs();
  const bool ready = std::all_of(inputs_.begin(), inputs_.end(),
                                 [](const input& in) { return in.control->ready(); });
  if (planned_all_ || scheduler_.open() || !scheduler_.waiting().empty() || !ready ||
      !planning_allowed())
    return false;
  // Times of batches that do not follow the clock still rise.
  const auto now = std::chrono::floor<std::chrono::milliseconds>(clock_->now());
  survey({.time = std::max<batch_time>(now, last_time_ + 1ms), .merged = 0});
  return true;
}

/// An epoch ends at its time. The sources are asked before how far they reach: so the next one can
/// open at once.
bool job::run_epochs() {
  if (!planning_allowed() || cutting_ || !scheduler_.waiting().empty() || sources_ended())
    return false;
  const auto now = clock_->now();
  const auto& open = scheduler_.open();
  if (open && now < open->whole->time)
    return false;
  const bool up_to_date =
      std::all_of(inputs_.begin(), inputs_.end(), [](const input& in) { return in.up_to_date; });
  if (open || !up_to_date) {
    survey({});
    return true;
  }
  // A tick that passed while the last epoch ended has none of its own: it would have no time to
  // read.
  tick next{.time = generator_.next(), .merged = 0};
  if (last_time_ != batch_time{}) {
    if (const auto passed = generator_.due(now); passed && passed->time > last_time_)
      next.merged = static_cast<std::uint32_t>((passed->time - last_time_) /
                                               composed_->options.batch_interval);
    next.time = std::max<batch_time>(generator_.next(),
                                     last_time_ + std::chrono::floor<std::chrono::milliseconds>(
                                                      composed_->options.batch_interval));
  }
  submit(next);
  return true;
}

void job::cut_open() {
  if (cutting_ || aborting_)
    return;
  cutting_ = true;
  executor_->cut(scheduler_.open()->whole->epoch);
}

void job::survey(tick at) {
  surveying_ = true;
  auto answers = std::make_shared<std::vector<expected<std::vector<partition_position>>>>();
  std::vector<bool> ready;
  for (auto& in : inputs_)
    ready.push_back(in.control->ready());
  run_blocking(
      [this, answers, ready = std::move(ready)] {
        for (std::size_t i = 0; i < inputs_.size(); ++i)
          answers->push_back(ready[i] ? inputs_[i].control->survey()
                                      : expected<std::vector<partition_position>>());
      },
      [this, answers, at, generation = survey_generation_] {
        on_surveyed(at, generation, std::move(*answers));
      });
}

void job::on_surveyed(tick at, std::uint64_t generation,
                      std::vector<expected<std::vector<partition_position>>> answers) {
  surveying_ = false;
  for (const auto& call : std::exchange(after_survey_, {}))
    call();
  if (generation != survey_generation_ || !planning_allowed()) {
    if (composed_->options.trigger != trigger::continuous)
      generator_.merge(at);
    return;
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i]) {
      end_with(
          std::move(answers[i])
              .error()
              .with(fmt::format("source '{}'", composed_->graph.at(plan_.sources[i]).label())));
      return;
    }
    inputs_[i].unread = std::move(*answers[i]);
    inputs_[i].up_to_date = true;
  }
  if (composed_->options.trigger != trigger::continuous)
    submit(at);
  else if (scheduler_.open())
    cut_open();
}

bool job::read_everything() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const input& in) {
    return std::all_of(in.unread.begin(), in.unread.end(),
                       [](const partition_position& p) { return p.lag() == 0; });
  });
}

void job::submit(tick at) {
  const auto kind = composed_->options.trigger;
  if (kind == trigger::available_now) {
    for (auto& in : inputs_) {
      if (last_time_ == batch_time{})
        for (const auto& p : in.unread)
          in.fixed_ends.push_back(p.latest);
      for (std::size_t i = 0; i < in.unread.size(); ++i)
        in.unread[i].latest = i < in.fixed_ends.size()
                                  ? std::min(in.unread[i].latest, in.fixed_ends[i])
                                  : in.unread[i].position;
    }
    // A watermark that has advanced since the last batch still has results to release.
    if (read_everything() && !watermarks_.due(clock_->steady_now())) {
      planned_all_ = true;
      return;
    }
  }
  planned_all_ = kind == trigger::once;

  planned_batch planned{.whole = std::make_shared<batch>(),
                        .submitted = clock_->steady_now(),
                        .started = {},
                        .lateness = std::max<duration>(0s, clock_->now() - at.time),
                        .merged_ticks = at.merged,
                        .allowed = {}};
  planned.whole->time = at.time;
  planned.whole->side_values = side_values_.current();
  if (last_planned_) {
    const auto passed = !is_bounded(kind) && !stopping_
                            ? (at.time - last_planned_->time) / composed_->options.batch_interval
                            : 1;
    planned.whole->before = last_planned_->index;
    planned.whole->index = last_planned_->index + passed;
  }
  planned.whole->open_ended = kind == trigger::continuous;
  last_time_ = at.time;
  const auto pending = unfinished();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto& in = inputs_[i];
    std::vector<std::optional<std::uint64_t>> limits(in.unread.size());
    if (kind != trigger::once)
      limits = in.governor->limits(planned.submitted, pending, in.unread);
    if (stopping_ && !in.control->holds_unplanned()) // what is left can be read by the next start
      limits.assign(limits.size(), 0);
    std::optional<std::uint64_t> allowed = 0;
    for (const auto& limit : limits)
      allowed = allowed && limit ? std::optional(*allowed + *limit) : std::nullopt;
    planned.allowed.push_back(limits.empty() ? std::nullopt : allowed);
    source_batch part;
    if (planned.whole->open_ended) {
      const std::vector<std::optional<std::uint64_t>> nothing(in.unread.size(), 0);
      part = in.control->plan(in.unread, nothing);
      for (const auto& limit : limits)
        part.rates.push_back(limit ? std::optional(static_cast<double>(*limit) /
                                                   seconds_of(composed_->options.batch_interval))
                                   : std::nullopt);
      in.up_to_date = false;
    } else {
      part = in.control->plan(in.unread, limits);
    }
    part.name = composed_->graph.at(plan_.sources[i]).label();
    planned.whole->sources.push_back(std::move(part));
  }
  if (auto described = describe_nodes(composed_->graph, plan_, *planned.whole, last_planned_.get());
      !described) {
    end_with(std::move(described).error());
    return;
  }
  last_planned_ = planned.whole;
  for (const auto& hears : listeners_)
    hears->on_submitted(*planned.whole);
  scheduler_.submit(std::move(planned));
}

unfinished_work job::unfinished() const {
  unfinished_work work;
  for (const auto& waiting : scheduler_.waiting()) {
    ++work.batches;
    work.records += waiting.records();
  }
  if (const auto& open = scheduler_.open()) {
    ++work.batches;
    work.running_records = open->records();
    work.records += work.running_records;
    work.running_for = clock_->steady_now() - open->started;
  }
  return work;
}

// ---- running

bool job::start_next_batch() {
  if (!quiescing_.empty() || aborting_ || failure_)
    return false;
  const auto now = clock_->steady_now();
  const auto* started = scheduler_.start_next(epoch(next_epoch_), now);
  if (!started)
    return false;
  watermarks_.fix(*started->whole, now);
  ++next_epoch_;
  for (const auto& hears : listeners_)
    hears->on_started(*started->whole);
  executor_->run(started->whole);
  return true;
}

void job::on_complete(epoch at, std::vector<replica_report> reports) {
  if (!scheduler_.open() || scheduler_.open()->whole->epoch != at || aborting_)
    return;
  auto done = scheduler_.close();
  cutting_ = false;
  if (done.whole->open_ended)
    learn_ends(done, reports);
  watermarks_.completed(*done.whole, reports, clock_->steady_now());
  last_completed_ = done.whole;
  auto report = describe(done, reports);
  tell_sources([this, whole = std::shared_ptr<const batch>(done.whole)] {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs_[i].control->completed(*whole, whole->sources[i]);
  });
  for (const auto& hears : listeners_)
    hears->on_finished(report);
}

/// Completes the ranges of an epoch. In a copy: operators may still hold the batch.
void job::learn_ends(planned_batch& done, const std::vector<replica_report>& reports) {
  auto whole = std::make_shared<batch>(*done.whole);
  for (const auto& r : reports)
    if (const auto source = plan_.at(r.node).source)
      for (const auto& [range, until] : r.read)
        whole->sources[source->value].ranges.at(range).until = until;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto& unread = inputs_[i].unread;
    auto& ranges = whole->sources[i].ranges;
    inputs_[i].up_to_date = inputs_[i].up_to_date && unread.size() == ranges.size();
    for (std::size_t p = 0; p < ranges.size(); ++p) {
      ranges[p].latest = std::max(ranges[p].latest, ranges[p].until);
      if (!inputs_[i].up_to_date)
        continue;
      unread[p].position = ranges[p].until;
      unread[p].latest = ranges[p].latest = std::max(unread[p].latest, ranges[p].until);
    }
  }
  done.whole = std::move(whole);
}

void job::on_failed(epoch at, error reason) {
  if (!scheduler_.open() || scheduler_.open()->whole->epoch != at || aborting_)
    return;
  abort_reason_ = std::move(reason);
  abort_open();
}

void job::abort_open() {
  aborting_ = true;
  executor_->abort(scheduler_.open()->whole->epoch);
}

void job::on_aborted(epoch at) {
  if (!aborting_ || scheduler_.open()->whole->epoch != at)
    return;
  aborting_ = false;
  cutting_ = false;
  const auto dropped = scheduler_.close();
  scheduler_.drop_waiting();
  ++survey_generation_;
  for (auto& in : inputs_)
    in.up_to_date = false;
  if (dropped.whole->open_ended) // it is read again at its time, if that has not passed
    last_time_ = dropped.whole->time -
                 std::chrono::floor<std::chrono::milliseconds>(composed_->options.batch_interval);
  rewind_to(dropped);
  auto report = describe(dropped, {});
  report.failure =
      abort_reason_
          ? *abort_reason_
          : error(quiescing_.empty() ? errc::stopped : errc::partitions_lost,
                  "the batch was aborted before it was complete; its offsets are not committed");
  for (const auto& hears : listeners_)
    hears->on_finished(report);
  if (stopping_ || abort_reason_) { // else it is planned again
    ++left_.batches_left;
    left_.records_left += dropped.records();
  }
  if (abort_reason_)
    end_with(std::move(*abort_reason_));
  abort_reason_.reset();
}

void job::rewind_to(const planned_batch& first) {
  last_planned_ = last_completed_;
  tell_sources([this, whole = std::shared_ptr<const batch>(first.whole)] {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs_[i].control->rewind(whole->sources[i]);
  });
}

/// A survey, on the helper thread, reads what the sources change here. It may take as long as the
/// outside does, for which no batch is to wait: what there is to tell waits instead.
void job::tell_sources(std::function<void()> call) {
  if (surveying_)
    after_survey_.push_back(std::move(call));
  else
    call();
}

/// How long the work of an epoch would have taken without waiting for input: what rate control
/// learns from, as the epoch itself always lasts an interval. What a sink waits for is the outside
/// world, which is as slow the next time.
duration job::busiest(const std::vector<replica_report>& reports) const {
  duration longest{};
  duration sum{};
  for (const auto& r : reports) {
    const bool sink = plan_.at(r.node).outputs.empty();
    longest = std::max(longest, r.busy + (sink ? r.blocked : duration{}));
    if (!composed_->graph.at(r.node).blocking) // that one has a thread of its own
      sum += r.busy;
  }
  return std::max<duration>(longest, sum / std::max(1U, plan_.worker_threads));
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
                      .waiting_batches = static_cast<std::uint32_t>(scheduler_.waiting().size()),
                      .sources = {},
                      .operators = {},
                      .edges = {},
                      .watermarks = watermarks_.describe(*done.whole),
                      .failure = {}};
  for (const auto& planned : plan_.nodes) {
    operator_report op{.node = planned.id,
                       .name = composed_->graph.at(planned.id).label(),
                       .replicas = planned.replicas};
    std::map<node_id, edge_report> edges;
    for (const auto& edge : planned.outputs) {
      auto& e = edges[edge.consumer];
      e.from = planned.id;
      e.to = edge.consumer;
      e.capacity_bytes += static_cast<std::uint64_t>(edge.window.bytes) * planned.replicas *
                          plan_.at(edge.consumer).replicas;
    }
    for (const auto& r : reports) {
      if (r.node != planned.id)
        continue;
      op.records_in += r.counts.records_in;
      op.records_out += r.counts.records_out;
      op.dropped += r.counts.dropped;
      op.late += r.counts.late;
      op.state_keys += r.counts.state_keys;
      op.state_bytes += r.counts.state_bytes;
      op.evicted += r.counts.evicted;
      op.busy += r.busy;
      op.blocked += r.blocked;
      for (const auto& e : r.edges) {
        edges[e.consumer].blocks += e.blocks;
        edges[e.consumer].bytes += e.bytes;
        edges[e.consumer].send_wait += e.send_wait;
      }
    }
    op.idle =
        std::max<duration>(0s, report.processing_time * planned.replicas - op.busy - op.blocked);
    report.dropped += op.dropped;
    report.late += op.late;
    report.operators.push_back(std::move(op));
    for (auto& [to, e] : edges)
      report.edges.push_back(e);
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const auto& part = done.whole->sources[i];
    source_report s{.name = part.name,
                    .ranges = part.ranges,
                    .records = 0,
                    .bytes = 0,
                    .lag = part.lag(),
                    .allowed = done.allowed[i],
                    .rate = {},
                    .errors = inputs_[i].control->take_errors()};
    source_timing timing{.end = now,
                         .processing_time =
                             done.whole->open_ended ? busiest(reports) : report.processing_time,
                         .scheduling_delay = report.scheduling_delay,
                         .limited = part.lag() > 0,
                         .partitions = {},
                         .partition_records = {},
                         .unfinished = unfinished(),
                         .workers = plan_.worker_threads};
    for (const auto& r : reports) {
      const auto& planned = plan_.at(r.node);
      if (planned.source == source_id(static_cast<std::uint32_t>(i))) {
        s.records += r.counts.records_out;
        s.bytes += r.bytes_out;
      }
      if (planned.cost_of == source_id(static_cast<std::uint32_t>(i)))
        timing.partitions.insert(timing.partitions.end(), r.partitions.begin(), r.partitions.end());
    }
    for (const auto& range : part.ranges)
      timing.partition_records.push_back(static_cast<std::uint64_t>(range.count()));
    timing.records = s.records;
    timing.bytes = s.bytes;
    if (!reports.empty()) {
      s.rate = inputs_[i].governor->on_batch(timing);
      publish_rate(inputs_[i]);
    }
    report.records += s.records;
    report.bytes += s.bytes;
    report.sources.push_back(std::move(s));
  }
  return report;
}

// ---- interruptions

bool job::settle_quiesce() {
  if (quiescing_.empty() || aborting_)
    return false;
  if (scheduler_.open()) {
    const auto now = clock_->steady_now();
    const bool abort =
        std::any_of(quiescing_.begin(), quiescing_.end(), [&](const quiesce_request& request) {
          return request.kind == quiesce_kind::lost || now >= request.deadline;
        });
    if (abort)
      abort_open();
    else if (scheduler_.open()->whole->open_ended)
      cut_open();
    return abort;
  }
  if (surveying_)
    return false;
  if (const auto first = scheduler_.drop_waiting())
    rewind_to(*first);
  auto requests = std::exchange(quiescing_, {});
  for (auto& request : requests)
    request.then();
  return true;
}

bool job::settle_stop() {
  const bool no_more = planned_all_ || sources_ended();
  const bool ended_by_itself =
      no_more && !scheduler_.open() && scheduler_.waiting().empty() && !surveying_;
  if (!stopping_ && !failure_ && !ended_by_itself)
    return false;
  if (aborting_ || surveying_)
    return false;
  if (stopping_ && stopping_->mode != stop_mode::abandon &&
      clock_->steady_now() >= stopping_->deadline) {
    left_.in_time = scheduler_.open() == std::nullopt && scheduler_.waiting().empty();
    stopping_->mode = stop_mode::abandon;
  }
  const bool keep_waiting_batches = stopping_ && stopping_->mode == stop_mode::drain && !failure_;
  if (!keep_waiting_batches && !scheduler_.waiting().empty()) {
    for (const auto& waiting : scheduler_.waiting())
      left_.records_left += waiting.records();
    left_.batches_left += scheduler_.waiting().size();
    const auto first = scheduler_.drop_waiting();
    if (!scheduler_.open())
      rewind_to(*first);
  }
  if (scheduler_.open()) {
    if (failure_ || (stopping_ && stopping_->mode == stop_mode::abandon)) {
      abort_open();
      return true;
    }
    if (scheduler_.open()->whole->open_ended)
      cut_open();
    return false;
  }
  if (!scheduler_.waiting().empty() || draining())
    return false;
  finish();
  return true;
}

void job::end_with(error reason) {
  log(log_level::error, "weir.job", reason.to_string());
  if (!failure_)
    failure_ = std::move(reason);
}

void job::finish() {
  timers_.clear();
  executor_->stop();
  duration left = 10s;
  if (stopping_)
    left = std::clamp<duration>(stopping_->deadline - clock_->steady_now(), 1s, 30s);
  for (auto& in : inputs_)
    if (auto closed = in.control->close(left); !closed)
      log(log_level::warning, "weir.job", closed.error().to_string());
  helper_.reset();
  side_values_.end();
  finished_.store(true, std::memory_order_release);
  finished_promise_.set_value();
}

void job::request_stop(duration deadline, stop_mode mode) {
  loop_.post([this, deadline, mode] {
    const auto until = clock_->steady_now() + deadline;
    if (!stopping_) {
      stopping_ = {.mode = mode, .deadline = until};
      if (mode == stop_mode::drain)
        for (auto& in : inputs_)
          in.control->drain();
    } else // a second request may only hurry
      stopping_ = {.mode = std::max(stopping_->mode, mode),
                   .deadline = std::min(stopping_->deadline, until)};
  });
}

void job::set_gains(pid_gains gains) {
  loop_.post([this, gains] {
    for (auto& in : inputs_)
      if (auto set = in.governor->set_gains(gains); !set)
        log(log_level::error, "weir.job", set.error().to_string());
  });
}

bool job::wait(duration limit) {
  if (limit == duration::max()) {
    finished_future_.wait();
    return true;
  }
  return finished_future_.wait_for(limit) == std::future_status::ready;
}

// ---- source_host

void job::quiesce(quiesce_kind kind, duration deadline, std::function<void()> then) {
  ++survey_generation_; // what is being asked now was asked of partitions that are about to change
  for (auto& in : inputs_)
    in.up_to_date = false;
  quiescing_.push_back({kind, clock_->steady_now() + deadline, std::move(then)});
}

void job::run_blocking(std::function<void()> work, std::function<void()> then) {
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
  loop_.post([this, reason = std::move(reason)]() mutable { end_with(std::move(reason)); });
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
