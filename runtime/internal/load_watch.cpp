#include <weir/runtime/internal/load_watch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace weir {

namespace {

constexpr int overdue_after = 3;          // intervals
constexpr std::uint32_t late_batches = 5; // in a row, each more than an interval late
constexpr std::uint32_t grown_lag = 20;   // batches in a row

double milliseconds(duration d) { return static_cast<double>(d.count()) / 1e6; }

/// The operator that kept its replicas busiest, and whether it waited for others.
std::string busiest(const batch_report& report) {
  const auto most = std::ranges::max_element(report.operators, {}, [](const operator_report& o) {
    return o.replicas ? o.busy / o.replicas : duration{};
  });
  if (most == report.operators.end() || most->busy <= duration::zero())
    return "no operator was busy, so the time went into waiting for sources or sinks";
  return fmt::format("its busiest operator was '{}', {:.0f} ms in each of {} replicas", most->name,
                     milliseconds(most->busy / most->replicas), most->replicas);
}

} // namespace

void load_watch::on_tick(const work_in_flight& work) {
  if (work.running_for < overdue_after * interval_) {
    overdue_told_ = false;
    return;
  }
  if (std::exchange(overdue_told_, true))
    return;
  log_(log_level::warning,
       fmt::format("a batch of {} records has been running for {:.0f} ms, {:.1f} intervals, and {} "
                   "batches wait behind it: an operator or a sink is slow or stuck; the batch's "
                   "report will say which",
                   work.running_records, milliseconds(work.running_for),
                   seconds_of(work.running_for) / seconds_of(interval_), work.batches - 1));
}

void load_watch::on_finished(const batch_report& report) {
  if (std::exchange(overdue_told_, false))
    log_(log_level::info, fmt::format("the overdue batch ended after {:.0f} ms; {}",
                                      milliseconds(report.processing_time), busiest(report)));
  watch_delay(report);
  sources_.resize(report.sources.size());
  for (std::size_t i = 0; i < report.sources.size(); ++i)
    watch_lag(report.sources[i], sources_[i]);
}

void load_watch::watch_delay(const batch_report& report) {
  if (report.scheduling_delay <= interval_) {
    if (std::exchange(behind_told_, false))
      log_(log_level::info, fmt::format("the job keeps up again: batches wait {:.0f} ms",
                                        milliseconds(report.scheduling_delay)));
    late_ = 0;
    return;
  }
  if (++late_ < late_batches || std::exchange(behind_told_, true))
    return;
  std::string rates;
  for (const auto& source : report.sources)
    rates += fmt::format("; source '{}': {}", source.name, source.rate.explain());
  log_(log_level::warning,
       fmt::format("the job falls behind: {} batches in a row waited longer than an interval, the "
                   "last {:.0f} ms, and took {:.0f} ms of {:.0f}; {}{}",
                   late_, milliseconds(report.scheduling_delay),
                   milliseconds(report.processing_time), milliseconds(interval_), busiest(report),
                   rates));
}

void load_watch::watch_lag(const source_report& source, lag_of_source& seen) {
  const bool grows = source.lag > seen.last;
  seen.last = source.lag;
  if (!grows) {
    seen.grown = 0;
    if (source.lag == 0)
      seen.told = false;
    return;
  }
  if (++seen.grown < grown_lag || std::exchange(seen.told, true))
    return;
  log_(log_level::warning,
       fmt::format("unread records of source '{}' have only grown for {} batches, to {}: more "
                   "arrives than is read; {}",
                   source.name, seen.grown, source.lag, source.rate.explain()));
}

} // namespace weir
