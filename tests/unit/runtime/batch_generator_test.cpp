// Which multiples of the batch interval become batches.
#include <weir/runtime/batch_generator.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::batch_generator;
using weir::wall_time;

SCENARIO("the first tick is the first multiple of the interval strictly after now",
         "[runtime][batch_generator]") {
  CHECK(batch_generator(10s, wall_time(101s)).next() == wall_time(110s));
  CHECK(batch_generator(10s, wall_time(100s)).next() ==
        wall_time(110s)); // now itself does not count
  CHECK(batch_generator(10s, wall_time(100s - 1ns)).next() == wall_time(100s));
}

SCENARIO("a tick is due at its time, once", "[runtime][batch_generator]") {
  batch_generator ticks(10s, wall_time(100s));
  CHECK_FALSE(ticks.due(wall_time(110s - 1ns)));
  const auto first = ticks.due(wall_time(110s));
  REQUIRE(first);
  CHECK(first->time == wall_time(110s));
  CHECK(first->merged == 0);
  CHECK_FALSE(ticks.due(wall_time(119s)));
  CHECK(ticks.due(wall_time(120s))->time == wall_time(120s));
}

SCENARIO("of several ticks that have passed the last one gets a batch and counts the others",
         "[runtime][batch_generator]") {
  batch_generator ticks(10s, wall_time(100s));
  const auto late = ticks.due(wall_time(145s)); // 110, 120 and 130 are merged into 140
  REQUIRE(late);
  CHECK(late->time == wall_time(140s));
  CHECK(late->merged == 3);
  CHECK(ticks.next() == wall_time(150s));
}

SCENARIO("a tick that could not become a batch is counted by the next one",
         "[runtime][batch_generator]") {
  batch_generator ticks(10s, wall_time(100s));
  ticks.merge(*ticks.due(wall_time(110s)));
  const auto second = ticks.due(wall_time(120s));
  CHECK(second->merged == 1);
  WHEN("that one is refused too") {
    ticks.merge(*second);
    THEN("the third counts both") { CHECK(ticks.due(wall_time(130s))->merged == 2); }
  }
  WHEN("a second tick is refused before the answer to the first one is") {
    ticks.merge(*ticks.due(wall_time(130s)));
    ticks.merge(*second); // the order in which a slow survey gives up
    THEN("none is forgotten") { CHECK(ticks.due(wall_time(140s))->merged == 3); }
  }
}
