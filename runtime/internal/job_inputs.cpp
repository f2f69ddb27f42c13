#include <weir/runtime/internal/job_inputs.hpp>

#include <weir/runtime/internal/batch_description.hpp>
#include <weir/runtime/internal/guarded.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

using namespace std::chrono_literals;

expected<void> job_inputs::open(const governor_factory& make_governor) {
  stores_ = std::ranges::any_of(composed_->graph.nodes(),
                                [](const node& n) { return n.keeps == kept_state::in_store; });
  const auto& options = composed_->options;
  const auto share = plan_->budget.sources / std::max<std::size_t>(1, plan_->sources.size());
  for (const auto id : plan_->sources) {
    const auto& n = composed_->graph.at(id);
    auto governor = make_governor(options);
    if (!governor)
      return std::move(governor).error();
    std::unique_ptr<source> control;
    const auto opened = guarded(
        [] { return "open"; },
        [&]() -> expected<void> {
          control = n.make_source();
          if (!control)
            return error(errc::invalid_graph, "its factory makes a null pointer").at(n.where);
          return control->open({.job_name = options.name,
                                .replicas = plan_->at(id).replicas,
                                .memory_share = share,
                                .batch_interval = options.batch_interval,
                                .trigger = options.trigger,
                                .limits = plan_->at(id).limits,
                                .host = host_,
                                .on_thread_start = options.on_thread_start,
                                .seed = options.seed});
        },
        errc::source_failed);
    if (control)
      inputs_.push_back({.control = std::move(control),
                         .governor = std::move(*governor),
                         .unread = {},
                         .fixed_ends = {}});
    if (!opened)
      return error(opened.error()).with(fmt::format("source '{}'", n.label()));
    if (options.trigger == trigger::continuous && !inputs_.back().control->runs_continuously())
      return error(errc::invalid_config,
                   fmt::format("source '{}' cannot run under trigger::continuous: it reads in "
                               "batches whose end is known; choose trigger::every",
                               n.label()))
          .at(n.where);
    publish_rate(inputs_.back());
  }
  return {};
}

std::unique_ptr<receiver> job_inputs::make_receiver(source_id id, std::uint32_t replica) {
  return inputs_[id.value].control->make_receiver(replica);
}

duration job_inputs::poll() {
  duration interval = 1s;
  for (auto& in : inputs_) {
    in.control->poll();
    interval = std::min(interval, in.control->poll_interval());
  }
  return interval;
}

bool job_inputs::ready() const {
  return std::all_of(inputs_.begin(), inputs_.end(),
                     [](const input& in) { return in.control->ready(); });
}

bool job_inputs::ended() const {
  return !inputs_.empty() && std::all_of(inputs_.begin(), inputs_.end(),
                                         [](const input& in) { return in.control->ended(); });
}

std::uint64_t job_inputs::unplanned() const {
  std::uint64_t all = 0;
  for (const auto& in : inputs_)
    all += in.control->unplanned();
  return all;
}

bool job_inputs::read_everything() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const input& in) {
    return std::all_of(in.unread.begin(), in.unread.end(),
                       [](const partition_position& p) { return p.lag() == 0; });
  });
}

bool job_inputs::saw_all_ends() {
  bool all = true;
  for (auto& in : inputs_) {
    if (std::ranges::all_of(in.unread, &partition_position::known))
      continue;
    all = false;
    (void)in.control->plan(in.unread,
                           std::vector<std::optional<std::uint64_t>>(in.unread.size(), 0));
  }
  return all;
}

// ---- surveys

void job_inputs::survey(std::function<void(survey_answers)> then) {
  surveying_ = true;
  auto answers = std::make_shared<survey_answers>();
  answers->generation = generation_;
  std::vector<bool> ready;
  for (auto& in : inputs_)
    ready.push_back(in.control->ready());
  host_->run_blocking(
      [this, answers, ready = std::move(ready)] {
        for (std::size_t i = 0; i < inputs_.size(); ++i)
          answers->unread.push_back(ready[i] ? guarded([] { return "survey"; },
                                                       [&] { return inputs_[i].control->survey(); },
                                                       errc::source_failed)
                                             : expected<std::vector<partition_position>>());
      },
      [this, answers, then = std::move(then)] {
        surveying_ = false;
        for (const auto& call : std::exchange(after_survey_, {}))
          call();
        then(std::move(*answers));
      });
}

void job_inputs::forget_surveys() {
  ++generation_;
  for (auto& in : inputs_)
    in.up_to_date = false;
}

expected<void> job_inputs::learn(survey_answers answers) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto& unread = answers.unread[i];
    if (!unread)
      return std::move(unread).error().with(
          fmt::format("source '{}'", composed_->graph.at(plan_->sources[i]).label()));
    inputs_[i].unread = std::move(*unread);
    inputs_[i].up_to_date = true;
  }
  return {};
}

bool job_inputs::up_to_date() const {
  return std::all_of(inputs_.begin(), inputs_.end(), [](const input& in) { return in.up_to_date; });
}

void job_inputs::hold_to_first_ends(bool is_first) {
  for (auto& in : inputs_) {
    if (is_first)
      for (const auto& p : in.unread)
        in.fixed_ends.push_back(p.latest);
    for (std::size_t i = 0; i < in.unread.size(); ++i)
      in.unread[i].latest = i < in.fixed_ends.size()
                                ? std::min(in.unread[i].latest, in.fixed_ends[i])
                                : in.unread[i].position;
  }
}

// ---- batches

std::vector<std::optional<std::uint64_t>> job_inputs::limits_of(input& in, steady_time now,
                                                                const work_in_flight& pending,
                                                                bool stopping) const {
  std::vector<std::optional<std::uint64_t>> limits(in.unread.size());
  if (composed_->options.trigger != trigger::once)
    limits = in.governor->limits(now, pending, in.unread);
  if (stopping && in.control->unplanned() == 0) // what is left can be read by the next start
    limits.assign(limits.size(), 0);
  return limits;
}

void job_inputs::plan(planned_batch& to, const work_in_flight& pending, bool stopping) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto& in = inputs_[i];
    const auto limits = limits_of(in, to.submitted, pending, stopping);
    std::optional<std::uint64_t> allowed = 0;
    for (const auto& limit : limits)
      allowed = allowed && limit ? std::optional(*allowed + *limit) : std::nullopt;
    to.allowed.push_back(limits.empty() ? std::nullopt : allowed);
    source_batch part;
    if (to.whole->open_ended) {
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
    part.name = composed_->graph.at(plan_->sources[i]).label();
    to.whole->sources.push_back(std::move(part));
  }
}

void job_inputs::learn_ends(batch& done, const std::vector<replica_report>& reports) {
  for (const auto& r : reports)
    if (const auto source = plan_->at(r.node).source)
      for (const auto& [range, until] : r.read)
        done.sources[source->value].ranges.at(range).until = until;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto& in = inputs_[i];
    auto& ranges = done.sources[i].ranges;
    in.up_to_date = in.up_to_date && in.unread.size() == ranges.size();
    for (std::size_t p = 0; p < ranges.size(); ++p) {
      ranges[p].latest = std::max(ranges[p].latest, ranges[p].until);
      if (!in.up_to_date)
        continue;
      in.unread[p].position = ranges[p].until;
      in.unread[p].latest = ranges[p].latest = std::max(in.unread[p].latest, ranges[p].until);
    }
  }
}

void job_inputs::completed(batch_ptr done) {
  tell([this, done = std::move(done)] {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs_[i].control->completed(*done, done->sources[i]);
  });
}

void job_inputs::rewind(batch_ptr first) {
  tell([this, first = std::move(first)] {
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      inputs_[i].control->rewind(first->sources[i]);
  });
}

bool job_inputs::settled() const {
  return !stores_ || (after_survey_.empty() && std::ranges::all_of(inputs_, [](const input& in) {
                        return in.control->settled();
                      }));
}

/// A survey, on the helper thread, reads what the sources change here. It may take as long as the
/// outside does, for which no batch is to wait: what there is to tell waits instead.
void job_inputs::tell(std::function<void()> call) {
  if (surveying_)
    after_survey_.push_back(std::move(call));
  else
    call();
}

void job_inputs::describe(const planned_batch& done, const std::vector<replica_report>& reports,
                          const work_in_flight& pending, batch_report& report) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    auto part = describe(i, done, reports);
    report.records += part.records;
    report.bytes += part.bytes;
    report.sources.push_back(std::move(part));
  }
  if (reports.empty())
    return; // the batch was aborted
  batch_timing timing{.end = done.started + report.processing_time,
                      .processing_time = done.whole->open_ended
                                             ? busiest_work(composed_->graph, *plan_, reports)
                                             : report.processing_time,
                      .scheduling_delay = report.scheduling_delay,
                      .unfinished = pending,
                      .workers = plan_->worker_threads};
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    learn(i, reports, timing, report.sources[i]);
}

source_report job_inputs::describe(std::size_t index, const planned_batch& done,
                                   const std::vector<replica_report>& reports) {
  const source_id id(static_cast<std::uint32_t>(index));
  const auto& part = done.whole->sources[index];
  source_report said{.name = part.name,
                     .ranges = part.ranges,
                     .records = 0,
                     .bytes = 0,
                     .lag = part.lag(),
                     .allowed = done.allowed[index],
                     .rate = {},
                     .errors = inputs_[index].control->take_errors()};
  for (const auto& r : reports)
    if (plan_->at(r.node).source == id) {
      said.records += r.counts.records_out;
      said.bytes += r.bytes_out;
    }
  return said;
}

/// Lets the source's rate control learn from its part of the batch.
void job_inputs::learn(std::size_t index, const std::vector<replica_report>& reports,
                       batch_timing timing, source_report& said) {
  std::vector<partition_timing> partitions(said.ranges.size());
  for (std::size_t i = 0; i < partitions.size(); ++i)
    partitions[i] = {.partition = partition_id(static_cast<std::uint32_t>(i)),
                     .records = static_cast<std::uint64_t>(said.ranges[i].count())};
  for (const auto& r : reports)
    if (plan_->at(r.node).cost_of == source_id(static_cast<std::uint32_t>(index)))
      for (const auto& work : r.partitions)
        if (work.partition.value < partitions.size())
          partitions[work.partition.value].busy += work.busy;
  timing.partitions = partitions;
  timing.limited = said.lag > 0;
  timing.records = said.records;
  timing.bytes = said.bytes;
  said.rate = inputs_[index].governor->on_batch(timing);
  publish_rate(inputs_[index]);
}

void job_inputs::publish_rate(input& in) {
  in.control->rate_changed(in.governor->rate(), composed_->options.rate_control.unit);
}

void job_inputs::interrupt() {
  for (auto& in : inputs_)
    in.control->interrupt();
}

void job_inputs::drain() {
  for (auto& in : inputs_)
    in.control->drain();
}

expected<void> job_inputs::set_gains(pid_gains gains) {
  expected<void> result;
  for (auto& in : inputs_)
    if (auto set = in.governor->set_gains(gains); !set && result)
      result = std::move(set);
  return result;
}

expected<void> job_inputs::set_limits(const rate_limits& limits) {
  expected<void> result;
  for (auto& in : inputs_) {
    if (auto set = in.governor->set_limits(limits); !set && result)
      result = std::move(set);
    publish_rate(in);
  }
  return result;
}

void job_inputs::close(duration limit) {
  for (auto& in : inputs_)
    if (auto closed = guarded([] { return "close"; }, [&] { return in.control->close(limit); });
        !closed)
      host_->log(log_level::warning, "weir.job", closed.error().to_string());
}

} // namespace weir
