#include "history.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace impressions {

void history::on_finished(const weir::batch_report& report) {
  std::lock_guard guard(mutex_);
  if (report.failure) {
    ++failed_;
    return;
  }
  const auto& source = report.sources.front();
  batch_figures now{.time = report.time,
                    .records = report.records,
                    .merged_ticks = report.merged_ticks,
                    .scheduling_delay = report.scheduling_delay,
                    .processing_time = report.processing_time,
                    .lag = source.lag};
  std::int64_t arrived = 0;
  for (const auto& range : source.ranges) {
    arrived += range.latest;
    now.worst_lag = std::max(now.worst_lag, range.lag());
  }
  if (before_ != weir::batch_time{} && report.time > before_)
    now.input_rate =
        static_cast<double>(arrived - arrived_before_) / weir::seconds_of(report.time - before_);
  before_ = report.time;
  arrived_before_ = arrived;
  if (source.allowed)
    now.limit = static_cast<double>(*source.allowed) / weir::seconds_of(report.interval);
  read_ = source.ranges;
  if (report.records > 0)
    last_ranges_ = source.ranges;
  batches_.push_back(now);
}

std::vector<batch_figures> history::batches() const {
  std::lock_guard guard(mutex_);
  return batches_;
}

std::optional<batch_figures> history::last() const {
  std::lock_guard guard(mutex_);
  return batches_.empty() ? std::nullopt : std::optional(batches_.back());
}

std::vector<weir::offset_range> history::last_ranges() const {
  std::lock_guard guard(mutex_);
  return last_ranges_;
}

std::vector<weir::offset_range> history::read() const {
  std::lock_guard guard(mutex_);
  return read_;
}

std::size_t history::failed() const {
  std::lock_guard guard(mutex_);
  return failed_;
}

verdict judge(const std::vector<batch_figures>& batches, weir::duration interval,
              std::vector<disturbance> disturbances, std::int64_t in, std::int64_t out) {
  verdict v{
      .disturbances = std::move(disturbances), .allowed_delay = interval / 2, .in = in, .out = out};
  for (const auto& batch : batches) {
    const auto after =
        std::ranges::find_if(v.disturbances.rbegin(), v.disturbances.rend(),
                             [&batch](const disturbance& d) { return batch.time > d.begin; });
    if (after == v.disturbances.rend())
      continue;
    if (batch.time > after->end) { // what begins while the job stalls waits for it
      after->batches += 1 + batch.merged_ticks;
      if (batch.scheduling_delay > v.allowed_delay)
        after->settled_after = after->batches;
    }
    v.worst_scheduling_delay = std::max(v.worst_scheduling_delay, batch.scheduling_delay);
    v.worst_total_delay = std::max(v.worst_total_delay, batch.total_delay());
    v.peak_lag = std::max(v.peak_lag, batch.lag);
    v.peak_partition_lag = std::max(v.peak_partition_lag, batch.worst_lag);
  }
  if (!batches.empty())
    v.lag_at_end = batches.back().lag;
  return v;
}

std::string verdict::line() const {
  if (held())
    return "verdict: held, in = out";
  std::string what = "verdict: not held:";
  for (const auto& d : disturbances)
    if (d.batches == 0)
      what += fmt::format(" no batch saw {};", d.name);
    else if (d.settled_after > most_batches)
      what += fmt::format(" after {} {} batches until the delay stayed below {} (at most {});",
                          d.name, d.settled_after, seconds(allowed_delay), most_batches);
  if (lag_at_end > 0)
    what += fmt::format(" {} records unread at the end;", grouped(lag_at_end));
  if (in != out)
    what += fmt::format(" in {}, out {};", grouped(in), grouped(out));
  what.pop_back();
  return what;
}

} // namespace impressions
