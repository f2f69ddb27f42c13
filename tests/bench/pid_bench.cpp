// Judges the rate controller on the plant model: pid_bench [--json FILE] [NAME...]
#include <weir/backpressure/plant_model.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr double never_settled = 999; // ticks
constexpr std::uint64_t noise_seeds = 20;
constexpr std::size_t skew_partitions = 18;

/// The public law with its defaults: no first rate, no bounds, split by lag, fractions of records
/// allowed.
class public_law final : public weir::plant_policy {
public:
  explicit public_law(weir::duration interval) : law_(*weir::pid_rate_estimator::make(interval)) {}

  std::vector<std::optional<double>>
  cut(const weir::plan_moment& at, std::span<const weir::partition_backlog> backlogs) override {
    double lag = 0;
    for (const auto& b : backlogs)
      lag += static_cast<double>(b.lag);
    std::vector<std::optional<double>> limits;
    for (const auto& b : backlogs)
      limits.push_back(rate_ && lag > 0 ? std::optional{*rate_ * weir::seconds_of(at.interval) *
                                                        static_cast<double>(b.lag) / lag}
                                        : std::nullopt);
    return limits;
  }
  void finished(const weir::batch_timing& batch) override {
    if (const auto rate = law_.update(batch))
      rate_ = rate;
  }
  [[nodiscard]] std::optional<double> rate() const override { return rate_; }

private:
  weir::pid_rate_estimator law_;
  std::optional<double> rate_;
};

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

statistics over_seeds(const bench_case& c, const promise& p, bool weirs_own) {
  std::vector<double> values;
  for (std::uint64_t seed = 1; seed <= c.seeds; ++seed) {
    const weir::duration interval{static_cast<weir::duration::rep>(c.scenario.interval * 1e9)};
    if (weirs_own) {
      auto controller = *weir::rate_controller::make(interval); // the defaults, whatever the case
      weir::controlled_plant policy{controller};
      values.push_back(p.measure(c.scenario, weir::run_plant(c.scenario, policy, seed)));
    } else {
      public_law policy{interval};
      values.push_back(p.measure(c.scenario, weir::run_plant(c.scenario, policy, seed)));
    }
  }
  std::ranges::sort(values);
  const auto n = values.size();
  const double median = (values[(n - 1) / 2] + values[n / 2]) / 2;
  return {median, median != 0 ? (values.back() - values.front()) / median : 0};
}

std::string json_of(const bench_case& c, double ratio, const promise& worst,
                    const statistics& weirs, double baseline) {
  return fmt::format(
      R"j({{"name": "{}", "ratio": {:.6g}, "weir": {:.6g}, "baseline": {:.6g}, "unit": "{} ({})", "runs": {}, "spread": {:.4g}}})j",
      c.scenario.name, ratio, weirs.median, baseline, worst.unit, worst.what, c.seeds,
      weirs.spread);
}

} // namespace

int main(int argc, char** argv) {
  std::string json_file;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--json" && i + 1 < argc)
      json_file = argv[++i];
    else
      names.emplace_back(argv[i]);
  }
  fmt::print("seeds of the noise:");
  for (std::uint64_t seed = 1; seed <= noise_seeds; ++seed)
    fmt::print(" {}", seed);
  fmt::print("\n{:26} {:>6}  {}\n", "measurement", "ratio",
             "what: weir (public law) against its bound, medians");

  std::vector<std::string> json;
  bool kept = true;
  for (const double capacity : {1e3, 1e4, 1e6})
    for (const auto& c : cases(capacity)) {
      const auto wanted = [&](const std::string& n) {
        return c.scenario.name.find(n) != std::string::npos;
      };
      if (!names.empty() && std::ranges::none_of(names, wanted))
        continue;
      std::string details;
      double worst_ratio = -1;
      std::string entry;
      for (const auto& p : c.promises) {
        const auto weirs = over_seeds(c, p, true);
        const auto baseline = over_seeds(c, p, false).median;
        const double ratio = p.ratio(weirs.median);
        details += fmt::format("  {} {:.4g} ({:.4g}) {} {:g} {}", p.what, weirs.median, baseline,
                               p.at_least ? ">=" : "<=", p.bound, p.unit);
        if (ratio > worst_ratio) {
          worst_ratio = ratio;
          entry = json_of(c, ratio, p, weirs, baseline);
        }
      }
      kept = kept && worst_ratio <= 1;
      fmt::print("{:26} {:6.3f}{}\n", c.scenario.name, worst_ratio, details);
      json.push_back(std::move(entry));
    }
  if (!json_file.empty()) {
    std::ofstream out{json_file};
    out << fmt::format("[\n  {}\n]\n", fmt::join(json, ",\n  "));
    if (!out) {
      fmt::print(stderr, "cannot write {}\n", json_file);
      return 2;
    }
  }
  return kept ? 0 : 1;
}
