// The manual clock moves by hand only.
#include <weir/runtime/clock.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

SCENARIO("a manual clock stands still until it is moved", "[runtime][clock]") {
  weir::manual_clock clock(weir::wall_time(100s));
  CHECK(clock.now() == weir::wall_time(100s));
  CHECK(clock.steady_now() == weir::steady_time(0s));
  clock.advance(1500ms);
  CHECK(clock.now() == weir::wall_time(101'500ms));
  CHECK(clock.steady_now() == weir::steady_time(1500ms));
}

SCENARIO("the wall clock of a manual clock can be set, its monotonic time cannot",
         "[runtime][clock]") {
  weir::manual_clock clock(weir::wall_time(100s));
  clock.set_wall(-1h);
  CHECK(clock.now() == weir::wall_time(100s - 1h));
  CHECK(clock.steady_now() == weir::steady_time(0s));
  clock.advance(1s);
  clock.set_wall(2h);
  CHECK(clock.now() == weir::wall_time(101s + 1h));
  CHECK(clock.steady_now() == weir::steady_time(1s));
}

SCENARIO("waiting on a manual clock ends at once when the deadline has come", "[runtime][clock]") {
  weir::manual_clock clock(weir::wall_time(100s));
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  clock.wait_until(lock, never, weir::wall_time(100s));
  CHECK(lock.owns_lock());
}

SCENARIO("the clock of the machine is shared, and its monotonic time does not go back",
         "[runtime][clock]") {
  const auto clock = weir::system_clock();
  CHECK(clock == weir::system_clock());
  const auto before = clock->steady_now();
  CHECK(clock->steady_now() >= before);
  CHECK(clock->now() > weir::wall_time(1'700'000'000s));
}
