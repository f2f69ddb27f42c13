#include "cases.hpp"
#include "policies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace pid {

namespace {

constexpr double never_settled = 999; // ticks
constexpr std::uint64_t noise_seeds = 20;
constexpr std::size_t skew_partitions = 18;

/// A promise about one run: what is measured, against which bound, in which direction.
struct promise {
  std::string_view what;
  std::string_view unit;
  double bound = 0;
  bool at_least = false; ///< The bound is a lower one.
  std::function<double(const weir::plant_scenario&, const weir::plant_run&)> measure;

  [[nodiscard]] double ratio(double measured) const {
    if (at_least)
      return measured > 0 ? bound / measured : never_settled;
    return measured / bound;
  }
};

struct bench_case {
  weir::plant_scenario scenario;
  std::vector<promise> promises;
  std::uint64_t seeds = 1;
  policy_maker baseline = &make_unlimited_law;
};

promise settled_by(double ticks, double after = 0) {
  return {"settled", "ticks", ticks, false, [after](const auto& s, const auto& run) {
            const auto tick = weir::judge(s, run).settled;
            return tick ? std::max(*tick - after, 0.0) : never_settled;
          }};
}

promise p95_delay(double bound) {
  return {"p95 delay", "T", bound, false,
          [](const auto& s, const auto& run) { return weir::judge(s, run).p95_delay; }};
}

promise worst_delay(double bound) {
  return {"worst delay", "T", bound, false,
          [](const auto& s, const auto& run) { return weir::judge(s, run).worst_delay; }};
}

promise busy(double bound) {
  return {"busy", "share", bound, true,
          [](const auto& s, const auto& run) { return weir::judge(s, run).busy; }};
}

promise longest_batch(double bound) {
  return {"longest batch", "T", bound, false,
          [](const auto& s, const auto& run) { return weir::judge(s, run).longest_batch; }};
}

/// Largest wait of a partition (unread / arrival rate), against 1.5 x the mean wait or one
/// interval, whichever is more.
promise even_waits() {
  return {"uneven wait", "of bound", 1.0, false, [](const auto& s, const auto& run) {
            double sum = 0;
            double worst = 0;
            for (const double unread : run.unread) {
              const double wait = unread / (s.load.back() / static_cast<double>(run.unread.size()));
              sum += wait;
              worst = std::max(worst, wait);
            }
            return worst / std::max(1.5 * sum / static_cast<double>(run.unread.size()), s.interval);
          }};
}

weir::plant_scenario scenario(std::string name, double c, std::size_t ticks,
                              const std::function<double(std::size_t)>& load, double fixed = 0) {
  weir::plant_scenario s{.name = fmt::format("pid_{}_{}", name, static_cast<std::uint64_t>(c)),
                         .fixed_cost = fixed};
  for (std::size_t k = 1; k <= ticks; ++k) {
    s.load.push_back(load(k) * c);
    s.capacity.push_back(c);
  }
  return s;
}

std::vector<bench_case> cases(double c) {
  const auto flat = [](double share) { return [share](std::size_t) { return share; }; };
  std::vector<bench_case> all;
  all.push_back({scenario("overload", c, 120, flat(4)), {settled_by(5), p95_delay(0.1)}});

  auto noise = scenario("noise", c, 120, flat(4));
  noise.noise = 0.2;
  all.push_back({std::move(noise), {p95_delay(0.5), busy(0.93)}, noise_seeds});

  auto cold = scenario("cold_start", c, 900, flat(0.5));
  cold.unread = {600 * c};
  all.push_back({std::move(cold), {longest_batch(1.5), busy(0.97)}});

  all.push_back(
      {scenario("surge", c, 200, [](std::size_t k) { return k < 20 || k > 40 ? 0.4 : 4.0; }),
       {p95_delay(0.1)}});
  all.push_back({scenario("fixed_cost", c, 120, flat(4), 0.2), {settled_by(10), busy(0.97)}});
  all.push_back(
      {scenario(
           "quiet_then_4x", c, 200, [](std::size_t k) { return k < 60 ? 0.01 : 4.0; }, 0.2),
       {p95_delay(0.1)}});

  auto half = scenario("half_capacity", c, 150, flat(4));
  std::fill(half.capacity.begin() + 49, half.capacity.end(), c / 2); // from tick 50 on
  all.push_back({std::move(half), {settled_by(6, 50), worst_delay(2.1)}});

  auto lag = scenario("skew_lag", c, 20, flat(0.5));
  lag.unread.assign(skew_partitions, 2.5 * c / (skew_partitions - 1));
  lag.unread[0] = 2.5 * c;
  all.push_back({std::move(lag), {even_waits()}});

  const double mix =
      skew_partitions / (skew_partitions + 2.0); // 17 partitions of cost 1 and one of cost 3
  auto cost = scenario("skew_cost", c, 20, flat(0.9 * mix));
  cost.unread.assign(skew_partitions, 0);
  cost.cost.assign(skew_partitions, 1);
  cost.cost[0] = 3;
  all.push_back({std::move(cost), {even_waits()}});
  return all;
}

/// Median and relative spread over the seeds.
struct statistics {
  double median = 0;
  double spread = 0;
};

statistics over_seeds(const bench_case& c, const promise& p, policy_maker make) {
  std::vector<double> values;
  for (std::uint64_t seed = 1; seed <= c.seeds; ++seed) {
    const auto policy = make(c.scenario);
    values.push_back(p.measure(c.scenario, weir::run_plant(c.scenario, *policy, seed)));
  }
  std::ranges::sort(values);
  const auto n = values.size();
  const double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
  return {median, median != 0 ? (values.back() - values.front()) / median : 0};
}

row judge_case(const bench_case& c) {
  row worst;
  worst.name = c.scenario.name;
  worst.ratio = -1;
  worst.runs = c.seeds;
  for (const auto& p : c.promises) {
    const auto weirs = over_seeds(c, p, &make_weir);
    const auto baseline = over_seeds(c, p, c.baseline).median;
    const double ratio = p.ratio(weirs.median);
    worst.details += fmt::format("  {} {:.4g} ({:.4g}) {} {:g} {}", p.what, weirs.median, baseline,
                                 p.at_least ? ">=" : "<=", p.bound, p.unit);
    if (ratio > worst.ratio) {
      worst.ratio = ratio;
      worst.weir = weirs.median;
      worst.baseline = baseline;
      worst.unit = fmt::format("{} ({})", p.unit, p.what);
      worst.spread = weirs.spread;
    }
  }
  return worst;
}

/// Capacity that goes up and down by 40 % in 30 intervals, and three times the load.
bench_case drift(double c) {
  constexpr double depth = 0.4;
  constexpr double period = 30; // ticks
  bench_case drifting{scenario("drift", c, 300, [](std::size_t) { return 3.0; }),
                      {busy(0.93), p95_delay(0.85)},
                      1,
                      &make_law};
  for (std::size_t k = 0; k < drifting.scenario.capacity.size(); ++k)
    drifting.scenario.capacity[k] *=
        1 + depth * std::sin(2 * std::numbers::pi * static_cast<double>(k + 1) / period);
  return drifting;
}

} // namespace

std::vector<row> judge_cases(const std::function<bool(std::string_view)>& wanted) {
  std::vector<bench_case> all;
  for (const double capacity : {1e3, 1e4, 1e6})
    std::ranges::move(cases(capacity), std::back_inserter(all));
  for (const double capacity : {300.0, 1e4, 1e6})
    all.push_back(drift(capacity));
  std::vector<row> rows;
  for (const auto& c : all)
    if (wanted(c.scenario.name))
      rows.push_back(judge_case(c));
  return rows;
}

} // namespace pid
