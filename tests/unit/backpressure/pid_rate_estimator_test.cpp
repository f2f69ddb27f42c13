// The law against numbers worked out by hand, and bit for bit against its published text.
#include <weir/backpressure/pid_rate_estimator.hpp>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>

using namespace std::chrono_literals;
using weir::errc;
using weir::pid_gains;
using weir::pid_rate_estimator;

namespace {

weir::batch_timing finished(weir::duration at, std::uint64_t records, weir::duration processing,
                            weir::duration delay = 0s) {
  return {.end = weir::steady_time{at},
          .records = records,
          .processing_time = processing,
          .scheduling_delay = delay};
}

/// The law as it is published: times in milliseconds, -1 for "nothing yet". It must stay as plain
/// as the text.
class published_law {
public:
  published_law(double interval_ms, pid_gains gains) : interval_ms_(interval_ms), gains_(gains) {}

  std::optional<double> compute(std::int64_t time, std::int64_t elements, std::int64_t processing,
                                std::int64_t scheduling) {
    if (!(time > latest_time_ && elements > 0 && processing > 0))
      return std::nullopt;
    const double since = static_cast<double>(time - latest_time_) / 1000;
    const double rate = static_cast<double>(elements) / static_cast<double>(processing) * 1000;
    const double error = latest_rate_ - rate;
    const double historical = static_cast<double>(scheduling) * rate / interval_ms_;
    const double slope = (error - latest_error_) / since;
    const double next = std::max(latest_rate_ - gains_.proportional * error -
                                     gains_.integral * historical - gains_.derivative * slope,
                                 gains_.min_rate);
    latest_time_ = time;
    if (first_) {
      latest_rate_ = rate;
      latest_error_ = 0;
      first_ = false;
      return std::nullopt;
    }
    latest_rate_ = next;
    latest_error_ = error;
    return next;
  }

private:
  double interval_ms_;
  pid_gains gains_;
  bool first_ = true;
  std::int64_t latest_time_ = -1;
  double latest_rate_ = -1;
  double latest_error_ = -1;
};

} // namespace

SCENARIO("the PID estimator lowers the rate when batches queue up", "[backpressure][pid]") {
  GIVEN("a 1 s batch interval and one batch of 1000 records in 1 s") {
    auto pid = *pid_rate_estimator::make(1s, {.integral = 0.2, .min_rate = 10});
    REQUIRE_FALSE(pid.update(finished(1s, 1000, 1s)));
    WHEN("the next batch waits 500 ms before it starts") {
      const auto rate = pid.update(finished(2s, 1000, 1s, 500ms));
      THEN("a fifth of the backlog rate is taken off") {
        CHECK(rate.value() == Approx(900.0)); // 1000 - 0.2 * (0.5 s * 1000/s / 1 s)
        CHECK(pid.last_terms().proportional == Approx(0.0));
        CHECK(pid.last_terms().integral == Approx(100.0));
      }
    }
  }
}

SCENARIO("each gain weighs its own term", "[backpressure][pid]") {
  GIVEN("a law with all three gains, primed at 1000/s") {
    auto pid = *pid_rate_estimator::make(
        2s, {.proportional = 0.5, .integral = 0.1, .derivative = 0.2, .min_rate = 1});
    REQUIRE_FALSE(pid.update(finished(2s, 1000, 1s)));
    WHEN("a batch 4 s later manages 600/s after 1 s of delay") {
      const auto rate = pid.update(finished(6s, 600, 1s, 1s));
      THEN("the new rate is the sum of the parts") {
        // error 400, backlog 1 s * 600/s / 2 s = 300, slope (400 - 0) / 4 s = 100
        CHECK(pid.last_terms().proportional == Approx(200.0));
        CHECK(pid.last_terms().integral == Approx(30.0));
        CHECK(pid.last_terms().derivative == Approx(20.0));
        CHECK(rate.value() == Approx(750.0));
      }
      AND_WHEN("the next one, 2 s later, manages 850/s without delay") {
        const auto next = pid.update(finished(8s, 850, 1s));
        THEN("the slope works against the recovery") {
          // error 750 - 850 = -100, slope (-100 - 400) / 2 s = -250: 750 + 50 + 50
          CHECK(next.value() == Approx(850.0));
        }
      }
    }
  }
}

SCENARIO("the estimate never falls below the minimum rate", "[backpressure][pid]") {
  auto pid = *pid_rate_estimator::make(1s, {.min_rate = 100});
  REQUIRE_FALSE(pid.update(finished(1s, 1000, 1s)));
  CHECK(pid.update(finished(2s, 10, 1s)).value() == 100.0);
  CHECK(pid.last_terms().raised_to_min_rate);
}

SCENARIO("batches that tell nothing leave the law untouched", "[backpressure][pid]") {
  GIVEN("a law that has seen one batch of 1000/s") {
    auto pid = *pid_rate_estimator::make(1s);
    REQUIRE_FALSE(pid.update(finished(10s, 1000, 1s)));
    THEN("no records, no time, and no progress of time give no estimate") {
      CHECK_FALSE(pid.update(finished(11s, 0, 1s, 9s)));
      CHECK_FALSE(pid.update(finished(11s, 5, 0s, 9s)));
      CHECK_FALSE(pid.update(finished(10s, 5, 1s, 9s)));
      CHECK_FALSE(pid.update(finished(9s, 5, 1s, 9s)));
      CHECK(pid.update(finished(11s, 700, 1s)).value() == Approx(700.0));
    }
  }
}

SCENARIO("settings outside their range are refused by name", "[backpressure][pid]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refusal = [](weir::duration interval, pid_gains gains) {
    auto made = pid_rate_estimator::make(interval, gains);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::invalid_config);
    return made.error().message();
  };
  CHECK_THAT(refusal(0s, {}), Catch::Contains("batch_interval"));
  CHECK_THAT(refusal(-1s, {}), Catch::Contains("batch_interval"));
  CHECK_THAT(refusal(1s, {.proportional = -0.1}), Catch::Contains("proportional is -0.1"));
  CHECK_THAT(refusal(1s, {.integral = -1}), Catch::Contains("integral"));
  CHECK_THAT(refusal(1s, {.derivative = nan}), Catch::Contains("derivative"));
  CHECK_THAT(refusal(1s, {.min_rate = 0}), Catch::Contains("min_rate is 0"));
  CHECK(pid_rate_estimator::make(
      1ms, {.proportional = 0, .integral = 0, .derivative = 0, .min_rate = 1e-3}));

  auto pid = *pid_rate_estimator::make(1s);
  CHECK_FALSE(pid.set_gains({.min_rate = -1}));
  CHECK(pid.gains() == pid_gains{});
}

SCENARIO("the law equals the published one bit for bit", "[backpressure][pid]") {
  const auto seed = GENERATE(range(1u, 21u));
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>{low, high}(random);
  };
  const pid_gains gains{.proportional = static_cast<double>(pick(0, 20)) / 10,
                        .integral = static_cast<double>(pick(0, 20)) / 10,
                        .derivative = static_cast<double>(pick(0, 20)) / 10,
                        .min_rate = static_cast<double>(pick(1, 1000))};
  const auto interval = pick(1, 20'000);
  auto pid = *pid_rate_estimator::make(std::chrono::milliseconds{interval}, gains);
  published_law law{static_cast<double>(interval), gains};
  std::int64_t now = 0;
  for (int i = 0; i < 500; ++i) {
    now += pick(-5, 3000); // now and then not later
    const auto records = pick(0, 1) * pick(0, 5'000'000);
    const auto processing = pick(0, 5000);
    const auto delay = pick(0, 1) * pick(0, 60'000);
    const auto expected = law.compute(now, records, processing, delay);
    const auto got = pid.update(
        finished(std::chrono::milliseconds{now}, static_cast<std::uint64_t>(records),
                 std::chrono::milliseconds{processing}, std::chrono::milliseconds{delay}));
    REQUIRE(got.has_value() == expected.has_value());
    if (got)
      REQUIRE(std::bit_cast<std::uint64_t>(*got) == std::bit_cast<std::uint64_t>(*expected));
  }
}
