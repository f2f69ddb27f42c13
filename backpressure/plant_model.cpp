// The plant, tick by tick.
#include <weir/backpressure/plant_model.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>

namespace weir {

namespace {

/// A small generator whose numbers are the same everywhere (splitmix64).
class noise_source {
public:
  explicit noise_source(std::uint64_t seed) : state_(seed) {}

  /// Uniform in [-width, width).
  double around_zero(double width) noexcept {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    z ^= z >> 31U;
    return (static_cast<double>(z >> 11U) * 0x1p-53 * 2 - 1) * width;
  }

private:
  std::uint64_t state_;
};

duration to_duration(double seconds) noexcept {
  return duration{static_cast<duration::rep>(std::llround(seconds * 1e9))};
}

std::uint64_t whole(double records) noexcept {
  return static_cast<std::uint64_t>(std::llround(records));
}

/// A batch that was cut.
struct cut_batch {
  steady_time start;
  duration processing;
  duration delay;
  double records = 0;
  bool limited = false;
  std::vector<partition_timing> partitions;

  [[nodiscard]] steady_time end() const noexcept { return start + processing; }
};

work_in_flight in_flight(const std::deque<cut_batch>& cut, steady_time now) {
  work_in_flight work;
  work.batches = static_cast<std::uint32_t>(cut.size());
  for (const auto& batch : cut)
    work.records += whole(batch.records);
  if (!cut.empty() && cut.front().start < now) {
    work.running_records = whole(cut.front().records);
    work.running_for = now - cut.front().start;
  }
  return work;
}

void report_finished(std::deque<cut_batch>& cut, steady_time now, plant_policy& policy) {
  while (!cut.empty() && cut.front().end() <= now) {
    const auto batch = std::move(cut.front());
    cut.pop_front();
    policy.finished({.end = batch.end(),
                     .records = whole(batch.records),
                     .processing_time = batch.processing,
                     .scheduling_delay = batch.delay,
                     .limited = batch.limited,
                     .unfinished = in_flight(cut, batch.end()),
                     .partitions = batch.partitions});
  }
}

} // namespace

std::vector<std::optional<double>>
controlled_plant::cut(const plan_moment& at, std::span<const partition_backlog> backlogs) {
  std::vector<std::optional<double>> limits;
  for (const auto& share : controller_.limits(at, backlogs))
    limits.push_back(share.max_records ? std::optional{static_cast<double>(*share.max_records)}
                                       : std::nullopt);
  return limits;
}

void controlled_plant::finished(const batch_timing& batch) { controller_.on_batch(batch); }

plant_run run_plant(const plant_scenario& scenario, plant_policy& policy, std::uint64_t seed) {
  const std::size_t partitions = scenario.unread.size();
  const duration interval = to_duration(scenario.interval);
  noise_source noise{seed};
  plant_run run{.rows = {}, .unread = scenario.unread};
  std::deque<cut_batch> cut;
  steady_time free_at{};

  for (std::size_t k = 1; k <= scenario.load.size(); ++k) {
    const steady_time now = steady_time{} + interval * k;
    report_finished(cut, now, policy);

    std::vector<partition_backlog> backlogs;
    for (std::size_t p = 0; p < partitions; ++p) {
      const double share =
          scenario.share.empty() ? 1.0 / static_cast<double>(partitions) : scenario.share[p];
      run.unread[p] += scenario.load[k - 1] * scenario.interval * share;
      backlogs.push_back({.partition = partition_id{static_cast<std::uint32_t>(p)},
                          .lag = static_cast<std::uint64_t>(run.unread[p])});
    }
    const auto limits =
        policy.cut({.now = now, .interval = interval, .unfinished = in_flight(cut, now)}, backlogs);

    cut_batch batch{};
    double seconds = 0; // without the fixed cost
    for (std::size_t p = 0; p < partitions; ++p) {
      const double records = std::min(run.unread[p], limits[p].value_or(run.unread[p]));
      const double busy =
          records * (scenario.cost.empty() ? 1.0 : scenario.cost[p]) / scenario.capacity[k - 1];
      batch.partitions.push_back({.partition = backlogs[p].partition,
                                  .records = whole(records),
                                  .busy = to_duration(busy)});
      batch.limited = batch.limited || run.unread[p] - records >= 1;
      batch.limited = batch.limited || run.unread[p] - records >= 1;
      batch.records += records;
      seconds += busy;
      run.unread[p] -= records;
    }
    const double factor = batch.records > 0 ? 1 + noise.around_zero(scenario.noise) : 1.0;
    batch.processing = to_duration((scenario.fixed_cost + seconds) * factor);
    batch.start = std::max(now, free_at);
    batch.delay = batch.start - now;
    free_at = batch.end();
    run.rows.push_back({.tick = static_cast<std::uint32_t>(k),
                        .records = batch.records,
                        .rate = policy.rate(),
                        .delay = seconds_of(batch.delay),
                        .processing = seconds_of(batch.processing),
                        .unread = std::accumulate(run.unread.begin(), run.unread.end(), 0.0),
                        .capacity = scenario.capacity[k - 1]});
    cut.push_back(std::move(batch));
  }
  return run;
}

plant_verdict judge(const plant_scenario& scenario, const plant_run& run, std::uint32_t warm_up) {
  plant_verdict verdict;
  std::vector<double> delays;
  double busy = 0;
  std::size_t waiting = 0;
  for (const auto& row : run.rows) {
    const double fits =
        row.capacity * (scenario.interval - scenario.fixed_cost) / scenario.interval;
    if (!row.rate || std::abs(*row.rate - fits) > 0.05 * fits)
      verdict.settled.reset();
    else if (!verdict.settled)
      verdict.settled = row.tick;
    verdict.longest_batch = std::max(verdict.longest_batch, row.processing / scenario.interval);
    if (row.tick <= warm_up)
      continue;
    delays.push_back(row.delay / scenario.interval);
    if (row.unread > 0) {
      busy += std::min(row.processing / scenario.interval, 1.0);
      ++waiting;
    }
  }
  if (!delays.empty()) {
    std::ranges::sort(delays);
    verdict.p95_delay = delays[static_cast<std::size_t>(0.95 * static_cast<double>(delays.size()))];
    verdict.worst_delay = delays.back();
  }
  verdict.busy =
      waiting ? busy / static_cast<double>(waiting) : std::numeric_limits<double>::quiet_NaN();
  return verdict;
}

} // namespace weir
