// Draws plants, runs them, judges them.
#include "family.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace pid {

namespace {

constexpr std::size_t ticks = 360;
constexpr std::size_t quiet_ticks = 100; // at the end of a light plant
constexpr double quiet_load = 0.3;       // of what fits
constexpr double law_min_rate = 100;
constexpr std::size_t warm_up = 12;

/// Random numbers that are the same on every machine: the distributions of the standard are not.
class dice {
public:
  explicit dice(std::uint64_t seed) : bits_(seed) {}
  /// Uniform in [low, high).
  double between(double low, double high) {
    return low + (high - low) * (static_cast<double>(bits_() >> 11U) * 0x1p-53);
  }
  double log_between(double low, double high) {
    return std::exp(between(std::log(low), std::log(high)));
  }
  bool chance(double p) { return between(0, 1) < p; }
  std::size_t below(std::size_t n) {
    return std::min(n - 1, static_cast<std::size_t>(between(0, static_cast<double>(n))));
  }

private:
  std::mt19937_64 bits_;
};

/// Capacity over the largest of the run, tick by tick: steps of x 0.1 to x 10, or drift, or
/// neither.
std::vector<double> capacity_shape(dice& random, std::vector<bool>& steps) {
  std::vector<double> shape(ticks, 1.0);
  steps.assign(ticks, false);
  const auto kind = random.below(4);
  if (kind == 1) {
    for (std::size_t at = 20 + random.below(80); at + quiet_ticks < ticks;
         at += 60 + random.below(120)) {
      const double factor = random.log_between(0.1, 10);
      steps[at] = true;
      for (std::size_t k = at; k < ticks; ++k)
        shape[k] *= factor;
    }
  } else if (kind == 2) {
    const double depth = random.between(0.1, 0.5);
    const double period = random.between(20, 200);
    for (std::size_t k = 0; k < ticks; ++k)
      shape[k] = 1 + depth * std::sin(2 * std::numbers::pi * static_cast<double>(k) / period);
  }
  return shape;
}

/// Load over its mean: constant, a step, a ramp, on and off, a sinusoid.
std::vector<double> load_shape(dice& random) {
  std::vector<double> shape(ticks, 1.0);
  const auto kind = random.below(5);
  const double level = random.log_between(0.1, 1);
  const double period = random.between(10, 120);
  const auto at = 30 + random.below(150);
  for (std::size_t k = 0; k < ticks; ++k) {
    const double phase = static_cast<double>(k) / period;
    if (kind == 1)
      shape[k] = k < at ? level : 1;
    else if (kind == 2)
      shape[k] = level + (1 - level) * static_cast<double>(k) / ticks;
    else if (kind == 3)
      shape[k] = phase - std::floor(phase) < 0.5 ? level : 1;
    else if (kind == 4)
      shape[k] = 1 + 0.8 * std::sin(2 * std::numbers::pi * phase);
  }
  return shape;
}

/// Positive numbers around 1 that differ by up to `spread` times.
std::vector<double> uneven(dice& random, std::size_t count, double spread) {
  std::vector<double> all(count);
  for (auto& one : all)
    one = random.log_between(1, spread);
  return all;
}

void scale_to_sum(std::vector<double>& all, double sum) {
  const double factor = sum / std::accumulate(all.begin(), all.end(), 0.0);
  for (auto& one : all)
    one *= factor;
}

void draw_partitions(dice& random, weir::plant_scenario& s, double backlog) {
  const auto count = static_cast<std::size_t>(random.log_between(1, 65));
  s.unread = uneven(random, count, random.chance(0.5) ? 1.001 : 20);
  scale_to_sum(s.unread, std::max(backlog, 1e-9));
  s.share = uneven(random, count, random.chance(0.5) ? 1.001 : 10);
  scale_to_sum(s.share, 1);
  s.cost = uneven(random, count, random.chance(0.5) ? 1.001 : 4);
  double mean = 0; // of a record as they arrive
  for (std::size_t p = 0; p < count; ++p)
    mean += s.share[p] * s.cost[p];
  for (auto& cost : s.cost)
    cost /= mean;
}

constexpr double least_stall = 0.5;
constexpr double most_stall = 5;

} // namespace

family_plant draw_plant(std::uint64_t family, std::uint64_t number) {
  dice random{family * 1'000'003 + number};
  family_plant plant;
  auto& s = plant.scenario;
  plant.saturated = number % 2 == 1;
  s.name = fmt::format("pid_family_{}_{}", family, number);
  s.interval = random.log_between(0.01, 10);
  s.fixed_cost = random.chance(0.5) ? 0 : random.between(0, 0.5) * s.interval;
  s.noise_law = weir::plant_noise::lognormal;
  s.noise = random.chance(0.2) ? 0 : random.between(0, 0.5);
  s.noise_by_start = true;
  s.most_waiting = 4;

  auto shape = capacity_shape(random, plant.steps);
  const double deepest = *std::ranges::min_element(shape);
  const double usable = s.interval - s.fixed_cost;
  const double least = std::max({50.0, 20 / usable, 2 * law_min_rate * s.interval / usable});
  const double top = *std::ranges::max_element(shape) / deepest;
  const double lowest = random.log_between(least, std::max(1e7 / top, 2 * least));
  for (const double one : shape)
    s.capacity.push_back(lowest * one / deepest);

  plant.stall_share = random.chance(0.4) ? 0 : random.between(0, 0.03);
  const double stalled =
      plant.stall_share * (least_stall + most_stall) / 2; // of the time, on average
  s.load = load_shape(random);
  const double level =
      plant.saturated ? random.between(1.5, 4) : random.between(0.2, 0.6 - stalled);
  // Mean of load / fits: of the capacity's moments those count in which the load comes.
  double asked = 0;
  for (std::size_t k = 1; k <= ticks; ++k)
    asked += s.load[k - 1] / fits(s, k) / ticks;
  for (std::size_t k = 1; k <= ticks; ++k) {
    s.load[k - 1] *= level / asked;
    if (!plant.saturated && k > ticks - quiet_ticks)
      s.load[k - 1] = quiet_load * fits(s, k);
  }
  const double backlog = random.chance(0.5) ? 0 : random.between(0, 10);
  draw_partitions(random, s, backlog * fits(s, 1) * s.interval);
  return plant;
}

std::vector<double> draw_stalls(const family_plant& plant, std::uint64_t seed) {
  dice random{seed};
  std::vector<double> stalls(ticks, 0);
  for (auto& stall : stalls) {
    const bool hit = random.chance(plant.stall_share);
    const double length = random.between(least_stall, most_stall) * plant.scenario.interval;
    stall = hit ? length : 0;
  }
  return stalls;
}

namespace {

/// What counts of one run.
struct figures {
  double records = 0; ///< Of batches that have ended.
  double p95 = 0;     ///< Of the scheduling delay, in T.
  double unread = 0;  ///< At the end, in T of the load at the end.
  bool starved = false;
};

/// Whether the rate stayed below half of what fits for 20 ticks while more than 5 T of records were
/// unread, and no stall or step gave a reason.
bool starved_by_rate(const family_plant& plant, const weir::plant_run& run) {
  const auto& s = plant.scenario;
  double stalled_until = 0; // in ticks
  int low = 0;
  for (const auto& row : run.rows) {
    const double start = row.tick + row.delay / s.interval;
    const auto start_tick = static_cast<std::size_t>(start);
    if (!row.merged && start_tick <= ticks && s.stalls[start_tick - 1] > 0)
      stalled_until = std::max(stalled_until, start + row.processing / s.interval);
    const double fit = fits(s, row.tick);
    const bool excused = row.tick <= stalled_until || plant.steps[row.tick - 1];
    const bool is_low = row.rate && *row.rate < 0.5 * fit && row.unread > 5 * s.interval * fit;
    low = is_low && !excused ? low + 1 : 0;
    if (low >= 20)
      return true;
  }
  return false;
}

figures measure(const family_plant& plant, policy_maker make, std::uint64_t seed) {
  const auto& s = plant.scenario;
  const auto policy = make(s);
  const auto run = weir::run_plant(s, *policy, seed);
  figures all;
  const double end = (ticks + 1) * s.interval;
  for (const auto& row : run.rows)
    if (row.tick * s.interval + row.delay + row.processing <= end)
      all.records += row.records;
  all.p95 = weir::judge(s, run, warm_up).p95_delay;
  all.unread = run.rows.back().unread / (s.load.back() * s.interval);
  all.starved = starved_by_rate(plant, run);
  return all;
}

double percentile(std::vector<double>& all, double share) {
  if (all.empty())
    return 0;
  std::ranges::sort(all);
  const double at = share * static_cast<double>(all.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const auto high = std::min(low + 1, all.size() - 1);
  return all[low] + (at - static_cast<double>(low)) * (all[high] - all[low]);
}

} // namespace

double family_verdict::ratio() const {
  double worst = std::max({stuck, starved, work_low, work_mid, delay});
  if (!starved_by_rate.empty() || delay_mid > 0.01)
    worst = std::max(worst, 2.0);
  return worst;
}

std::string family_verdict::text() const {
  const auto shown = std::min<std::size_t>(starved_by_rate.size(), 5);
  const std::vector<std::size_t> plants(
      starved_by_rate.begin(), starved_by_rate.begin() + static_cast<std::ptrdiff_t>(shown));
  return fmt::format("stuck {:.3f} (plant {}), starved {:.3f} (plant {}), by rate {} (plants {}), "
                     "work low {:.3f} mid {:.4f}, p95 delay high {:.3f} mid {:+.3f} T",
                     stuck, worst_stuck, starved, worst_starved, starved_by_rate.size(),
                     fmt::join(plants, " "), work_low, work_mid, delay, delay_mid);
}

family_verdict judge_family(const family_size& size, policy_maker make) {
  family_verdict verdict;
  std::vector<double> work;
  std::vector<double> delays;
  for (std::uint64_t number = 0; number < size.plants; ++number) {
    auto plant = draw_plant(size.family, number);
    std::vector<double> beside_law;
    std::vector<double> later;
    std::vector<double> unread;
    std::vector<double> beside_oracle;
    std::vector<double> starved;
    for (std::uint64_t seed = 1; seed <= size.seeds; ++seed) {
      const auto noise = (size.family * 1'000'003 + number) * 1'009 + seed;
      plant.scenario.stalls = draw_stalls(plant, noise);
      const auto own = measure(plant, make, noise);
      const auto law = measure(plant, &make_law, noise);
      const auto best = measure(plant, &make_oracle, noise);
      later.push_back(own.p95 - law.p95);
      starved.push_back(own.starved ? 1 : 0);
      if (plant.saturated) {
        beside_law.push_back(own.records / law.records);
        beside_oracle.push_back(0.7 * best.records / std::max(own.records, 1.0));
      } else if (best.unread <= 1) {
        unread.push_back(own.unread / 2);
      }
    }
    delays.push_back(percentile(later, 0.5));
    if (plant.saturated) {
      if (percentile(starved, 0.5) > 0.5)
        verdict.starved_by_rate.push_back(number);
      work.push_back(percentile(beside_law, 0.5));
      const double behind = percentile(beside_oracle, 0.5);
      if (behind > verdict.starved)
        verdict.worst_starved = number;
      verdict.starved = std::max(verdict.starved, behind);
    } else if (!unread.empty()) {
      const double left = percentile(unread, 0.5);
      if (left > verdict.stuck)
        verdict.worst_stuck = number;
      verdict.stuck = std::max(verdict.stuck, left);
    }
  }
  verdict.work_low = 0.90 / percentile(work, 0.05);
  verdict.work_mid = 1 / percentile(work, 0.5);
  verdict.delay = percentile(delays, 0.95) / 0.5;
  verdict.delay_mid = percentile(delays, 0.5);
  return verdict;
}

} // namespace pid
