// The plant against known figures of the public law, and the rate controller in the plant.
#include <weir/backpressure/plant_model.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace std::chrono_literals;

namespace {

/// The public law with its defaults and nothing around it.
class bare_law final : public plant_policy {
public:
  std::vector<std::optional<double>> cut(const plan_moment&,
                                         std::span<const partition_backlog>) override {
    return {rate_};
  }
  void finished(const batch_timing& batch) override {
    if (const auto rate = law_.update(batch))
      rate_ = rate;
  }
  [[nodiscard]] std::optional<double> rate() const override { return rate_; }

private:
  pid_rate_estimator law_ = *pid_rate_estimator::make(1s);
  std::optional<double> rate_;
};

plant_scenario steady(double load, double capacity, std::size_t ticks) {
  return {.name = "steady",
          .load = std::vector<double>(ticks, load),
          .capacity = std::vector<double>(ticks, capacity)};
}

/// A day's peak in two minutes: 2,000/s, then 8 s of up to 40,000/s, then 2,000/s, on a machine
/// that can do 10,000/s.
plant_scenario peak(bool gradual, double noise) {
  auto scenario = steady(2000, 10'000, 120);
  for (std::size_t k = 20; k < 28; ++k)
    scenario.load[k] =
        gradual ? std::min(40'000.0, 8000.0 * static_cast<double>(k - 19)) : 40'000.0;
  scenario.unread.assign(18, 0);
  scenario.fixed_cost = 0.005;
  scenario.noise = noise;
  return scenario;
}

} // namespace

SCENARIO("the plant gives the known figures of the public law", "[backpressure][plant]") {
  GIVEN("four times the capacity, 10,000/s") {
    const auto scenario = steady(40'000, 10'000, 120);
    bare_law law;
    const auto verdict = judge(scenario, run_plant(scenario, law));
    CHECK(verdict.settled == 36u);
    CHECK(verdict.p95_delay == Approx(16.65).margin(0.01));
    CHECK(verdict.worst_delay == Approx(21.6).margin(0.01));
    CHECK(verdict.longest_batch == Approx(4.0));
    CHECK(verdict.busy == Approx(0.80).margin(0.01));
  }
  GIVEN("the same with a fixed cost of a fifth of the interval") {
    auto scenario = steady(40'000, 10'000, 120);
    scenario.fixed_cost = 0.2;
    bare_law law;
    const auto verdict = judge(scenario, run_plant(scenario, law));
    CHECK(verdict.settled == 52u);
    CHECK(verdict.p95_delay == Approx(23.81).margin(0.01));
  }
}

SCENARIO("the same seed gives the same run", "[backpressure][plant]") {
  auto scenario = steady(40'000, 10'000, 50);
  scenario.noise = 0.2;
  const auto last_delay = [&](std::uint64_t seed) {
    auto controller = *rate_controller::make(1s);
    controlled_plant policy{controller};
    return run_plant(scenario, policy, seed).rows.back().delay;
  };
  CHECK(last_delay(7) == last_delay(7));
  CHECK(last_delay(7) != last_delay(8));
}

SCENARIO("a peak of four times the capacity is ridden out", "[backpressure][plant]") {
  const bool gradual = GENERATE(false, true);
  const auto seed = GENERATE(range(1u, 21u));
  CAPTURE(gradual, seed);
  GIVEN("a machine with 5 ms per batch and 10 % noise") {
    const auto scenario = peak(gradual, 0.1);
    auto controller = *rate_controller::make(1s);
    controlled_plant policy{controller};
    const auto run = run_plant(scenario, policy, seed);
    THEN("the delay is small within ten batches of the peak's start and the lag drains") {
      for (const auto& row : run.rows) {
        if (row.tick >= 30)
          REQUIRE(row.delay <= 0.5);
        REQUIRE(row.delay <= 0.6);
      }
      CHECK(run.rows.back().unread <= 2000);
    }
    THEN("the time spent on light batches tells the capacity before the peak") {
      CHECK(*run.rows[19].rate == Approx(10'000).epsilon(0.2));
    }
  }
}

SCENARIO("noise of 20 % costs little", "[backpressure][plant]") {
  auto scenario = steady(40'000, 10'000, 120);
  scenario.noise = 0.2;
  double busy = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto controller = *rate_controller::make(1s);
    controlled_plant policy{controller};
    const auto verdict = judge(scenario, run_plant(scenario, policy, seed));
    CAPTURE(seed);
    CHECK(verdict.p95_delay <= 0.6);
    busy += verdict.busy / 20;
  }
  CHECK(busy >= 0.93);
}
