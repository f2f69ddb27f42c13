// A belief held against the last three batches.
#include <weir/backpressure/capacity_estimate.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

using weir::capacity_estimate;

SCENARIO("the first batch sets the belief", "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  CHECK(estimate.capacity() == 1000);
  WHEN("it left half of the interval free") {
    estimate.observe(1000, 0.5, true);
    CHECK(estimate.capacity() == Approx(2000));
  }
  WHEN("it overran, of which half may be a fixed cost") {
    estimate.observe(1000, 2, true);
    CHECK(estimate.capacity() <= 500);
    CHECK(estimate.capacity() >= 333);
  }
  WHEN("it had few records, none left, and tells nothing") {
    estimate.observe(10, 0.2, false);
    CHECK(estimate.capacity() == 1000);
  }
}

SCENARIO("a fixed cost is found by filling the interval", "[backpressure][capacity_estimate]") {
  for (const double fixed : {0.05, 0.2, 0.5}) {
    CAPTURE(fixed);
    capacity_estimate estimate{1.0, 100};
    int batches = 0;
    while (std::abs(estimate.capacity() - (1 - fixed) * 1e4) > 0.05 * (1 - fixed) * 1e4) {
      REQUIRE(++batches < 20);
      estimate.observe(estimate.capacity(), fixed + estimate.capacity() / 1e4, true);
    }
    CHECK(batches <= 5 + 24 * fixed); // a batch half of whose time is fixed shows half of the way
  }
}

SCENARIO("one stall moves the belief little, two make it believed",
         "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  for (int i = 0; i < 5; ++i)
    estimate.observe(1000, 1.0, true);
  estimate.observe(1000, 5.0, true);
  CHECK(estimate.capacity() >= 900);
  estimate.observe(1000, 5.0, true);
  CHECK(estimate.capacity() <= 210);
}

SCENARIO("what drifts is followed without delay", "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  double capacity = 1000;
  for (int i = 0; i < 20; ++i, capacity *= 0.92) {
    estimate.observe(estimate.capacity(), estimate.capacity() / capacity, true);
    CHECK(estimate.capacity() == Approx(capacity).epsilon(0.03));
  }
  CHECK(estimate.noise() == Approx(0).margin(0.02)); // and not taken for noise
}

SCENARIO("noise is averaged once it has shown", "[backpressure][capacity_estimate]") {
  const auto seed = GENERATE(range(1u, 11u));
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::lognormal_distribution<double> factor{-0.02, 0.2};
  capacity_estimate estimate{1.0, 1000};
  std::vector<double> beliefs;
  for (int i = 0; i < 200; ++i) {
    estimate.observe(estimate.capacity(), estimate.capacity() / 1000 * factor(random), true);
    if (i >= 20)
      beliefs.push_back(estimate.capacity());
  }
  CHECK(estimate.noise() == Approx(0.2).margin(0.15));
  std::ranges::sort(beliefs);
  CHECK(beliefs[beliefs.size() / 2] == Approx(1000).epsilon(0.1));
  CHECK(beliefs[beliefs.size() / 10] >= 800);
  CHECK(beliefs[beliefs.size() * 9 / 10] <= 1250);
}

SCENARIO("quiet hours tell nothing against the belief", "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  for (int i = 0; i < 5; ++i)
    estimate.observe(800, 1.0, true); // 0.2 s and 1 ms per record
  for (int i = 0; i < 300; ++i)
    estimate.observe(30, 0.23, false);
  CHECK(estimate.capacity() == Approx(800));
  THEN("but a capacity that fell to a tenth is seen in small batches too") {
    for (int i = 0; i < 3; ++i)
      estimate.observe(100, 1.2, false);
    CHECK(estimate.capacity() <= 120);
  }
}

SCENARIO("a tenth of the capacity is noticed while little is read",
         "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  for (int i = 0; i < 10; ++i)
    estimate.observe(50, 0.05, false);
  for (int i = 0; i < 3; ++i)
    estimate.observe(50, 0.5, false);
  CHECK(estimate.capacity() == Approx(100).epsilon(0.1));
}

SCENARIO("after a doubt the next batch alone counts", "[backpressure][capacity_estimate]") {
  capacity_estimate estimate{1.0, 1000};
  for (int i = 0; i < 5; ++i)
    estimate.observe(1000, 1.0, true);
  estimate.doubt();
  estimate.observe(1000, 2.0, true);
  CHECK(estimate.capacity() <= 500);
}

SCENARIO("the belief is never below half of the least of the last three measured rates",
         "[backpressure][capacity_estimate]") {
  const auto seed = GENERATE(range(1u, 51u));
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](double low, double high) {
    return std::exp(std::uniform_real_distribution<double>{std::log(low), std::log(high)}(random));
  };
  const double interval = pick(0.01, 10);
  capacity_estimate estimate{interval, pick(1, 1e6)};
  std::vector<double> measured;
  for (int i = 0; i < 400; ++i) {
    const double units = std::ceil(pick(1, 1e6));
    const double seconds = pick(1e-6, 100);
    const bool took_all = random() % 2 == 0;
    if (random() % 50 == 0)
      estimate.doubt();
    estimate.observe(units, seconds, took_all);
    if (took_all || units >= 20)
      measured.push_back(units / seconds);
    REQUIRE(std::isfinite(estimate.capacity()));
    REQUIRE(estimate.capacity() > 0);
    if (measured.size() >= 3)
      REQUIRE(estimate.capacity() >=
              0.5 * *std::min_element(measured.end() - 3, measured.end()) * (1 - 1e-12));
    REQUIRE(estimate.fixed_seconds() <= interval / 2);
    REQUIRE(estimate.noise() <= 0.7);
  }
}
