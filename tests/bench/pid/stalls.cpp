#include "stalls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace pid {

namespace {

constexpr double interval = 0.5;    // s
constexpr double offered = 6'000;   // records/s
constexpr double possible = 25'000; // records/s
constexpr double stall = 2;         // s
constexpr std::size_t period = 24;  // ticks from stall to stall
constexpr std::size_t stalls = 9;
constexpr std::size_t ticks = period * (stalls + 1) - 1; // ends just before a tenth
constexpr std::uint64_t seeds = 20;

weir::plant_scenario scenario_of(weir::plant_noise law, double noise) {
  weir::plant_scenario s{.name = "pid_stall_under_load",
                         .interval = interval,
                         .load = std::vector<double>(ticks, offered),
                         .capacity = std::vector<double>(ticks, possible),
                         .noise = noise,
                         .noise_law = law,
                         .noise_by_start = true,
                         .stalls = std::vector<double>(ticks, 0),
                         .most_waiting = 4,
                         .unread = std::vector<double>(6, 0)};
  for (std::size_t k = period; k <= ticks; k += period)
    s.stalls[k - 1] = stall;
  return s;
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  const auto n = all.size();
  return (all[(n - 1) / 2] + all[n / 2]) / 2;
}

/// What came after one stall.
struct aftermath {
  double recovered = 0;  ///< Median rate of batches 5 to 14 after it over that of the 10 before it.
  double least_rate = 0; ///< From the fifth batch on, until the next stall, over the load offered.
  double lag = 0;        ///< Before the next stall, in T of load.
};

/// @param from index of the row whose batch stalled.
aftermath look_after(const weir::plant_run& run, std::size_t from) {
  std::vector<double> before;
  for (std::size_t i = from; before.size() < 10; --i)
    if (!run.rows[i - 1].merged)
      before.push_back(*run.rows[i - 1].rate);
  std::vector<double> after;
  aftermath seen{.least_rate = 1e9};
  const auto end = std::min(from + period, run.rows.size());
  std::size_t batches = 0;
  for (std::size_t i = from + 1; i < end; ++i) {
    if (run.rows[i].merged)
      continue;
    ++batches;
    if (batches < 5)
      continue;
    seen.least_rate = std::min(seen.least_rate, *run.rows[i].rate / offered);
    if (batches <= 14)
      after.push_back(*run.rows[i].rate);
  }
  seen.recovered = median(after) / median(before);
  seen.lag = run.rows[end - 1].unread / (offered * interval);
  return seen;
}

} // namespace

row judge_stalls(policy_maker make, std::uint64_t first_seed) {
  row worst;
  worst.name = "pid_stall_under_load";
  worst.runs = seeds;
  for (const auto law : {weir::plant_noise::uniform, weir::plant_noise::lognormal})
    for (const double noise : {0.0, 0.1, 0.3, 0.5}) {
      const auto scenario = scenario_of(law, noise);
      double recovered = 1e9; // of the bound: at least 1
      double least_rate = 1e9;
      double lag = 0;
      for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
        const auto policy = make(scenario);
        const auto run = weir::run_plant(scenario, *policy, seed);
        std::vector<double> of_stalls;
        for (std::size_t k = period; k + period <= ticks + 1; k += period) {
          const auto seen = look_after(run, k - 1);
          of_stalls.push_back(seen.recovered);
          least_rate = std::min(least_rate, seen.least_rate);
          lag = std::max(lag, seen.lag);
        }
        recovered = std::min(recovered, noise <= 0.1 ? *std::ranges::min_element(of_stalls) / 0.8
                                                     : median(of_stalls) / 0.7);
      }
      worst.details += fmt::format(
          "\n    {} {}: recovered {:.3f} of its bound, rate >= {:.3f} x load, lag {:.3f} T",
          law == weir::plant_noise::uniform ? "uniform" : "lognormal", noise, recovered, least_rate,
          lag);
      const double ratio = std::max({1 / recovered, 1.5 / least_rate, lag});
      if (ratio > worst.ratio) {
        worst.ratio = ratio;
        worst.weir = ratio;
        worst.unit =
            fmt::format("of its bound ({} {})",
                        law == weir::plant_noise::uniform ? "uniform" : "lognormal", noise);
      }
    }
  worst.baseline = 1;
  return worst;
}

} // namespace pid
