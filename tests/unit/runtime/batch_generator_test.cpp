// Which multiples of the batch interval become batches, and what settings of the wall clock do.
#include <weir/runtime/batch_generator.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::batch_generator;
using weir::duration;
using weir::moment;
using weir::steady_time;
using weir::wall_time;

namespace {

/// The steady clock began 1000 s after the epoch of the wall clock, which was set by `set` since.
moment at(duration wall, duration set = 0s) {
  return {wall_time(wall + set), steady_time(wall - 1000s)};
}

} // namespace

SCENARIO("the first tick is the first multiple of the interval strictly after now",
         "[runtime][batch_generator]") {
  CHECK(batch_generator(10s, at(1101s)).next().time == wall_time(1110s));
  CHECK(batch_generator(10s, at(1101s)).next().due == steady_time(110s));
  CHECK(batch_generator(10s, at(1100s)).next().time ==
        wall_time(1110s)); // now itself does not count
  CHECK(batch_generator(10s, at(1100s - 1ns)).next().time == wall_time(1100s));
}

SCENARIO("a tick is due at its time, once", "[runtime][batch_generator]") {
  batch_generator ticks(10s, at(1100s));
  CHECK_FALSE(ticks.due(at(1110s - 1ns)));
  const auto first = ticks.due(at(1110s));
  REQUIRE(first);
  CHECK(first->time == wall_time(1110s));
  CHECK(first->due == steady_time(110s));
  CHECK(first->index == 1);
  CHECK(first->merged == 0);
  CHECK_FALSE(ticks.due(at(1119s)));
  CHECK(ticks.due(at(1120s))->time == wall_time(1120s));
}

SCENARIO("of several ticks that have passed the last one gets a batch and counts the others",
         "[runtime][batch_generator]") {
  batch_generator ticks(10s, at(1100s));
  const auto late = ticks.due(at(1145s)); // 1110, 1120 and 1130 are merged into 1140
  REQUIRE(late);
  CHECK(late->time == wall_time(1140s));
  CHECK(late->due == steady_time(140s));
  CHECK(late->index == 4);
  CHECK(late->merged == 3);
  CHECK(ticks.next().time == wall_time(1150s));
}

SCENARIO("a tick that could not become a batch is counted by the next one",
         "[runtime][batch_generator]") {
  batch_generator ticks(10s, at(1100s));
  ticks.merge(*ticks.due(at(1110s)));
  const auto second = ticks.due(at(1120s));
  CHECK(second->merged == 1);
  WHEN("that one is refused too") {
    ticks.merge(*second);
    THEN("the third counts both") { CHECK(ticks.due(at(1130s))->merged == 2); }
  }
  WHEN("a second tick is refused before the answer to the first one is") {
    ticks.merge(*ticks.due(at(1130s)));
    ticks.merge(*second); // the order in which a slow survey gives up
    THEN("none is forgotten") { CHECK(ticks.due(at(1140s))->merged == 3); }
  }
}

SCENARIO("a wall clock that is set back changes nothing", "[runtime][batch_generator]") {
  batch_generator ticks(10s, at(1100s));
  for (int n = 1; n <= 500; ++n) {
    const auto now = at(1100s + n * 10s, -1h);
    CHECK_FALSE(ticks.follow(now));
    const auto due = ticks.due(now);
    REQUIRE(due);
    CHECK(due->time == wall_time(1100s + n * 10s));
    CHECK(due->index == n);
    CHECK(due->merged == 0);
    CHECK(due->moved == 0s);
    CHECK(ticks.ahead(now) == -1h);
  }
}

SCENARIO("a wall clock that is set ahead is followed between two ticks, and nothing is merged",
         "[runtime][batch_generator]") {
  batch_generator ticks(10s, at(1100s));
  REQUIRE(ticks.due(at(1110s)));
  const auto set = 1h + 3s;
  const auto boundary = ticks.due(at(1120s, set));
  REQUIRE(boundary);
  CHECK(boundary->time == wall_time(1120s)); // this interval began before
  CHECK(boundary->moved == 0s);
  CHECK(ticks.follow(at(1120s, set)));
  CHECK(ticks.ahead(at(1120s, set)) == 0s);
  const auto next = ticks.next();
  CHECK(next.time == wall_time(1130s + 1h)); // a multiple of the interval again
  CHECK(next.due == steady_time(127s));
  CHECK(next.index == 3);
  CHECK(next.moved == set);
  CHECK_FALSE(ticks.due(at(1126s, set)));
  CHECK(ticks.due(at(1127s, set))->merged == 0);
}

SCENARIO("a wall clock within an interval and a second of batch times is as good as right",
         "[runtime][batch_generator]") {
  const duration interval = GENERATE(100ms, 10s);
  const auto tolerance = std::max<duration>(interval, 1s);
  batch_generator ticks(interval, at(1100s));
  const auto now = 1100s + 50 * interval;
  for (const duration by : {duration(-tolerance), duration(-1ns), duration(1ns), tolerance}) {
    CHECK_FALSE(ticks.follow(at(now, by)));
    CHECK(ticks.ahead(at(now, by)) == by);
  }
  CHECK(ticks.follow(at(now, tolerance + 1ns)));
}
