// Fixed and per-record cost, told apart from batches of different size.
#include <weir/backpressure/cost_model.hpp>

#include <catch2/catch.hpp>

using weir::cost_model;

SCENARIO("one batch sets the cost, without inventing a fixed part", "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  CHECK(model.capacity() == Approx(1000).epsilon(0.6)); // a belief, used with caution
  model.observe(1000, 0.5);
  CHECK(model.fixed_seconds() == Approx(0).margin(0.01));
  CHECK(model.seconds_for(1000) == Approx(0.5).epsilon(0.02));
}

SCENARIO("two sizes tell the fixed cost from the cost per record", "[backpressure][cost_model]") {
  GIVEN("batches that cost 0.2 s and 1 ms per record") {
    cost_model model{1.0, 1000};
    model.observe(100, 0.3);
    model.observe(500, 0.7);
    THEN("both are found") {
      CHECK(model.fixed_seconds() == Approx(0.2).margin(0.01));
      CHECK(model.seconds_per_unit() == Approx(0.001).epsilon(0.05));
    }
    AND_WHEN("a third size follows") {
      model.observe(800, 1.0);
      THEN("800 fit an interval") { CHECK(model.capacity() == Approx(800).epsilon(0.03)); }
    }
  }
}

SCENARIO("equal batches keep what was known about the parts", "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  model.observe(100, 0.3);
  model.observe(500, 0.7);
  model.observe(800, 1.0);
  for (int i = 0; i < 200; ++i)
    model.observe(10, 0.21);                            // quiet hours
  CHECK(model.capacity() == Approx(800).epsilon(0.15)); // with some caution after so long
}

SCENARIO("a batch far outside its expectation is believed at once", "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  for (int i = 0; i < 50; ++i)
    model.observe(1000, 1.0);
  model.observe(1000, 2.0);
  CHECK(model.capacity() == Approx(500).epsilon(0.05));
}

SCENARIO("no batch more than ten times the largest seen is believed to fit",
         "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  model.observe(100, 1e-6);
  CHECK(model.capacity() <= 10'000);
  model.observe(10'000, 1e-4);
  CHECK(model.capacity() <= 100'000);
}

SCENARIO("a fixed cost above the interval does not stop the batches",
         "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  for (int i = 0; i < 20; ++i) {
    model.observe(100, 1.6);
    model.observe(600, 2.1);
  }
  CHECK(model.fixed_seconds() == Approx(1.5).epsilon(0.05));
  CHECK(model.capacity() >= 100); // larger batches are the only way to more throughput
}

SCENARIO("costs are never negative, whatever the measurements", "[backpressure][cost_model]") {
  cost_model model{1.0, 1000};
  const double seconds[] = {0.5, 0.1, 0.9, 0.01, 1.2, 0.001, 3};
  for (int i = 0; i < 700; ++i) {
    model.observe(1.0 + 997.0 * (i * 31 % 17), seconds[i % 7]);
    REQUIRE(model.fixed_seconds() >= 0);
    REQUIRE(model.seconds_per_unit() >= 0);
    REQUIRE(model.capacity() > 0);
  }
}
