// What a receiver may read of one partition while an epoch is open.
#include <weir/backpressure/read_pacer.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::steady_time;

namespace {

/// Takes all it may from `from` to `until`, looking every millisecond. @returns how many.
std::uint64_t taken_between(weir::read_pacer& pacer, steady_time from, steady_time until) {
  std::uint64_t taken = 0;
  for (auto now = from; now <= until; now += 1ms)
    taken += pacer.take(1'000'000, now);
  return taken;
}

} // namespace

SCENARIO("a job that starts reads its first record at once and no burst",
         "[backpressure][read_pacer]") {
  const steady_time start{1h};
  weir::read_pacer pacer;
  pacer.begin(10'000.0, start);
  CHECK(pacer.take(1'000'000, start) == 1);
  THEN("a second gives no more than the rate: what a rest makes up for is earned first") {
    CHECK(taken_between(pacer, start, start + 1s) == 10'000);
  }
  THEN("the next read is worth it as soon as a full stock of 10 ms is there") {
    CHECK(pacer.next(1'000'000, start) == start + 10ms);
  }
}

SCENARIO("tokens are kept from epoch to epoch", "[backpressure][read_pacer]") {
  const steady_time start{1h};
  weir::read_pacer pacer;
  std::uint64_t taken = 0;
  for (int epoch = 0; epoch < 100; ++epoch) {
    pacer.begin(1'000.0, start + epoch * 10ms);
    taken += taken_between(pacer, start + epoch * 10ms, start + epoch * 10ms + 9ms);
  }
  CHECK(taken == 1 + 999); // 999 ms at a record each, and the first one
}

SCENARIO("a rest makes up for 10 ms", "[backpressure][read_pacer]") {
  const steady_time start{1h};
  weir::read_pacer pacer;
  pacer.begin(1'000.0, start);
  CHECK(pacer.take(100, start + 1h) == 10);
}

SCENARIO("a slow partition reads a record at a time", "[backpressure][read_pacer]") {
  const steady_time start{1h};
  weir::read_pacer pacer;
  pacer.begin(2.0, start);
  CHECK(taken_between(pacer, start, start + 2s) == 5); // at 0, 0.5, 1, 1.5 and 2 s
}
