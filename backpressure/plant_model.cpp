// The plant, tick by tick.
#include <weir/backpressure/plant_model.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numbers>
#include <numeric>

namespace weir {

namespace {

/// Uniform in [0, 1), the same everywhere: number `at` of the sequence of `seed` (splitmix64).
double uniform(std::uint64_t seed, std::uint64_t at) noexcept {
  std::uint64_t z = seed + at * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

/// What number `at` makes of a batch's time.
double noise_factor(const plant_scenario& scenario, std::uint64_t seed, std::uint64_t at) noexcept {
  if (scenario.noise_law == plant_noise::uniform)
    return 1 + (uniform(seed, at) * 2 - 1) * scenario.noise;
  const double radius = std::sqrt(-2 * std::log(1 - uniform(seed, 2 * at)));
  const double normal = radius * std::cos(2 * std::numbers::pi * uniform(seed, 2 * at + 1));
  return std::exp(scenario.noise * normal - scenario.noise * scenario.noise / 2);
}

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
  std::uint64_t noisy = 0; // batches with records, from 1
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
    const auto waiting = static_cast<std::size_t>(
        std::ranges::count_if(cut, [now](const auto& b) { return b.start > now; }));
    if (scenario.most_waiting && waiting >= *scenario.most_waiting) {
      run.rows.push_back({.tick = static_cast<std::uint32_t>(k),
                          .merged = true,
                          .rate = policy.rate(),
                          .unread = std::accumulate(run.unread.begin(), run.unread.end(), 0.0),
                          .capacity = scenario.capacity[k - 1]});
      continue;
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
      batch.records += records;
      seconds += busy;
      run.unread[p] -= records;
    }
    batch.start = std::max(now, free_at);
    const auto start_tick = static_cast<std::size_t>((batch.start - steady_time{}) / interval);
    noisy += batch.records > 0 ? 1 : 0;
    const double factor =
        batch.records > 0
            ? noise_factor(scenario, seed, scenario.noise_by_start ? start_tick : noisy)
            : 1.0;
    const double stall =
        start_tick <= scenario.stalls.size() ? scenario.stalls[start_tick - 1] : 0.0;
    batch.processing = to_duration((scenario.fixed_cost + seconds) * factor + stall);
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
    if (row.tick <= warm_up || row.merged)
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
