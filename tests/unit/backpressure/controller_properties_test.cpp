// What the rate controller keeps in whole families of plants, with printed seeds.
#include "controller_fixture.hpp"

#include <weir/backpressure/plant_model.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using namespace weir;
using testing::at;
using testing::span;

namespace {

double log_uniform(std::mt19937_64& random, double low, double high) {
  return std::exp(std::uniform_real_distribution<double>{std::log(low), std::log(high)}(random));
}

double median(std::vector<double> all) {
  std::ranges::sort(all);
  return (all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2;
}

} // namespace

SCENARIO("whatever was believed, the last measurements win", "[backpressure][property]") {
  const auto seed = GENERATE(range(1u, 31u));
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const double interval = log_uniform(random, 0.01, 10);
  auto controller = *rate_controller::make(span(interval));
  double now = 0;
  std::vector<double> measured;
  for (int i = 0; i < 300; ++i) {
    const auto records = static_cast<std::uint64_t>(log_uniform(random, 1, 1e6));
    const double seconds = log_uniform(random, 0.001, 10) * interval;
    now += seconds + (random() % 30 == 0 ? 5 : 0.1) * interval; // now and then a pause
    const bool limited = random() % 2 == 0;
    const auto decision = controller.on_batch(
        {.end = at(now), .records = records, .processing_time = span(seconds), .limited = limited});
    if (limited || records >= 20)
      measured.push_back(*decision.measured_rate);
    if (measured.size() >= 3)
      REQUIRE(*decision.capacity >=
              0.5 * *std::min_element(measured.end() - 3, measured.end()) * (1 - 1e-9));
  }
}

SCENARIO("a saturated plant is filled soon after the last disturbance",
         "[backpressure][property]") {
  const auto number = GENERATE(range(1u, 41u));
  std::mt19937_64 random{number};
  const auto chance = [&](double p) {
    return std::uniform_real_distribution<double>{}(random) < p;
  };
  const double interval = log_uniform(random, 0.01, 10);
  const double fixed = chance(0.5) ? 0.0 : std::uniform_real_distribution{0.0, 0.5}(random);
  const double sigma = std::uniform_real_distribution{0.0, 0.5}(random);
  const double usable = interval * (1 - fixed);
  const double capacity =
      log_uniform(random, std::max({500.0, 200 / usable, 2000 / (1 - fixed)}), 1e7);
  constexpr std::size_t ticks = 90;
  constexpr std::size_t disturbed = 50; // the tick of a stall or of a step
  plant_scenario scenario{.name = "saturated",
                          .interval = interval,
                          .load = std::vector<double>(ticks, 10 * capacity),
                          .capacity = std::vector<double>(ticks, capacity),
                          .fixed_cost = fixed * interval,
                          .noise = sigma,
                          .noise_law = plant_noise::lognormal,
                          .noise_by_start = true,
                          .stalls = std::vector<double>(ticks, 0),
                          .most_waiting = 4};
  if (chance(0.5))
    scenario.stalls[disturbed - 1] = std::uniform_real_distribution{0.5, 5.0}(random)*interval;
  else
    std::fill_n(scenario.capacity.begin(), disturbed, capacity * log_uniform(random, 0.3, 5));
  const double fits = capacity * (1 - fixed);
  std::vector<double> rates;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto controller = *rate_controller::make(span(interval));
    controlled_plant policy{controller};
    const auto run = run_plant(scenario, policy, number * 1000 + seed);
    std::size_t batches = 0;
    for (const auto& row : run.rows)
      if (row.tick > disturbed && !row.merged && ++batches >= 6 && batches <= 15)
        rates.push_back(*row.rate);
  }
  CAPTURE(number, interval, fixed, sigma, capacity);
  CHECK(median(rates) == Approx(fits).epsilon(std::max(0.2, 0.7 * sigma)));
}
