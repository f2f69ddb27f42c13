// Tokens: fractions add up, rests are bounded, time is passed in.
#include <weir/backpressure/rate_limiter.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::rate_limiter;
using weir::steady_time;

SCENARIO("a rate below one per second lets records through now and then",
         "[backpressure][rate_limiter]") {
  GIVEN("a tenth of a record per second") {
    rate_limiter limiter{0.1};
    std::uint64_t taken = 0;
    for (int second = 0; second <= 100; ++second)
      taken += limiter.take(5, steady_time{std::chrono::seconds{second}});
    THEN("100 s give the first record and ten more, neither none nor all") { CHECK(taken == 11); }
  }
}

SCENARIO("many small waits earn as much as a long one", "[backpressure][rate_limiter]") {
  rate_limiter limiter{1000, 100};
  REQUIRE(limiter.take(100, steady_time{0ms}) == 100);
  std::uint64_t taken = 0;
  for (int i = 1; i <= 10'000; ++i)
    taken += limiter.take(10, steady_time{std::chrono::microseconds{100 * i}});
  CHECK(taken == 1000); // 1 s in steps of 100 us, a tenth of a token each
}

SCENARIO("a rest earns no more than the burst", "[backpressure][rate_limiter]") {
  rate_limiter limiter{10, 20};
  CHECK(limiter.take(1000, steady_time{0s}) == 20);
  CHECK(limiter.take(1000, steady_time{1s}) == 10);
  CHECK(limiter.take(1000, steady_time{1h}) == 20);
}

SCENARIO("zero and unlimited are different things", "[backpressure][rate_limiter]") {
  rate_limiter closed{0.0};
  CHECK(closed.take(9, steady_time{0s}) == 1); // the burst it was born with
  CHECK(closed.take(9, steady_time{1h}) == 0);
  CHECK_FALSE(closed.wait_for(1, steady_time{1h}));

  rate_limiter open{std::nullopt};
  CHECK(open.take(1'000'000'000, steady_time{0s}) == 1'000'000'000);
  CHECK(open.wait_for(1, steady_time{0s}) == weir::duration{0});
}

SCENARIO("the wait it names is enough", "[backpressure][rate_limiter]") {
  rate_limiter limiter{3, 10};
  CHECK(limiter.take(10, steady_time{0s}) == 10);
  const auto wait = limiter.wait_for(7, steady_time{0s});
  REQUIRE(wait);
  CHECK(limiter.take(7, steady_time{*wait}) == 7);
}

SCENARIO("a new rate keeps what was earned and counts from then on",
         "[backpressure][rate_limiter]") {
  rate_limiter limiter{2, 100};
  CHECK(limiter.take(100, steady_time{0s}) == 100);
  limiter.set_rate(10, steady_time{5s}); // 10 earned at 2/s
  CHECK(limiter.take(100, steady_time{6s}) == 20);
}

SCENARIO("a clock that steps back earns nothing and breaks nothing",
         "[backpressure][rate_limiter]") {
  rate_limiter limiter{10, 10};
  CHECK(limiter.take(10, steady_time{10s}) == 10);
  CHECK(limiter.take(10, steady_time{5s}) == 0);
  CHECK(limiter.take(10, steady_time{11s}) == 10);
}
