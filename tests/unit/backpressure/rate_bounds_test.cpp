// Bounds that change while a job runs, and the bound that is named; an estimator of the user's own.
#include "controller_fixture.hpp"

#include <weir/backpressure/rate_controller.hpp>

using namespace weir;
using testing::at;
using testing::controlled;
using testing::span;

namespace {

constexpr std::uint64_t deep = 100'000'000;

} // namespace

SCENARIO("bounds change while running without losing what was learnt",
         "[backpressure][rate_controller]") {
  controlled job;
  for (int k = 1; k <= 5; ++k) {
    job.cut(k, {deep, deep});
    job.finish(k + 1.0, 1000, 1.0);
  }
  WHEN("a ceiling is set") {
    REQUIRE(job.controller.set_bounds({.ceiling = 300}, {}));
    THEN("it holds from the next plan on, and taken away again the rate comes back") {
      CHECK(*job.controller.rate() == 300);
      CHECK(job.cut_sum(6, {deep, deep}) == 300);
      job.finish(6.9, 300, 0.3);
      CHECK(job.controller.decision().clamp == rate_clamp::ceiling);
      REQUIRE(job.controller.set_bounds({}, {}));
      job.cut(7, {deep, deep});
      job.finish(7.9, 300, 0.3);
      CHECK(*job.controller.rate() == Approx(1000).epsilon(0.05));
    }
  }
  WHEN("a floor is set") {
    REQUIRE(job.controller.set_bounds({.floor = 5000}, {}));
    CHECK(job.cut_sum(6, {deep, deep}) == 5000);
  }
  WHEN("each partition gets a ceiling") {
    REQUIRE(job.controller.set_bounds({}, {.ceiling = 70}));
    for (const auto& share : job.cut(6, {deep, deep}))
      CHECK(share.max_records == 70u);
  }
  THEN("what is out of range is refused and changes nothing") {
    const auto refused = job.controller.set_bounds({.floor = 9, .ceiling = 8}, {});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Catch::Contains("job.ceiling is 8"));
    CHECK(*job.controller.rate() == Approx(1000).epsilon(0.02));
    CHECK_FALSE(rate_controller::make(
        span(1), {.single = {{.topic = "clicks", .partition = 3, .ceiling = 0}}}));
  }
}

SCENARIO("one partition alone can have a ceiling", "[backpressure][rate_controller]") {
  const bool enabled = GENERATE(true, false);
  CAPTURE(enabled);
  auto controller = *rate_controller::make(span(0.5), {.enabled = enabled});
  auto unread = testing::lags({deep, deep, deep});
  unread[1].ceiling = 40; // per second: 20 in a batch
  const auto shares = controller.limits({.now = at(1), .interval = span(0.5)}, unread);
  CHECK(shares[1].max_records == 20u);
  if (enabled) {
    CHECK(*shares[0].max_records + *shares[2].max_records == 480); // the others have what it leaves
  } else {
    CHECK_FALSE(shares[0].max_records);
  }
}

SCENARIO("the explanation names the bound that binds", "[backpressure][rate_decision]") {
  const auto after = [](rate_control_options options, std::vector<std::uint64_t> unread) {
    controlled job{std::move(options)};
    for (int k = 1; k <= 3; ++k) {
      job.cut(k, unread);
      job.finish(k + 0.2, 200, 0.2);
    }
    return job.controller.decision().explain();
  };
  CHECK_THAT(after({.partition = {.ceiling = 100}}, {deep, deep}),
             Catch::Contains("ceilings or the pace of partitions allow less"));
  CHECK_THAT(after({.job = {.ceiling = 200}}, {deep, deep}), Catch::Contains("the job's ceiling"));
  CHECK_THAT(after({.job = {.ceiling = 200}, .partition = {.ceiling = 50}}, {deep, deep}),
             Catch::Contains("ceilings or the pace of partitions"));
  CHECK_THAT(after({.partition = {.floor = 900}}, {deep, deep}),
             Catch::Contains("floors of partitions"));
  CHECK_THAT(after({.partition = {.ceiling = 100}}, {50, 50}), // the ceiling is not reached
             !Catch::Contains("ceilings or the pace"));
  CHECK_THAT(after({}, {deep, deep}), Catch::Contains("the law's value"));
}

SCENARIO("until a batch has told something, no rate is known", "[backpressure][rate_controller]") {
  controlled job;
  CHECK_FALSE(job.controller.measured());
  job.controller.on_batch(
      {.end = at(2), .records = 5, .processing_time = span(0.1), .limited = false});
  CHECK_FALSE(job.controller.measured());
  job.controller.on_batch(
      {.end = at(3), .records = 500, .processing_time = span(0.1), .limited = false});
  CHECK(job.controller.measured());
}

SCENARIO("an estimator of the user's own takes the law's place",
         "[backpressure][rate_controller]") {
  struct half_of_measured final : rate_estimator {
    std::optional<double> update(const batch_timing& batch) noexcept override {
      return 0.5 * static_cast<double>(batch.records) / seconds_of(batch.processing_time);
    }
  };
  rate_control_options options;
  options.estimator = [](std::chrono::nanoseconds) { return std::make_shared<half_of_measured>(); };
  options.job.ceiling = 700;
  controlled job{options};
  job.finish(1, 1000, 1);
  CHECK(*job.controller.rate() == 500);
  job.finish(2, 2000, 1);
  CHECK(*job.controller.rate() == 700);
  options.estimator = [](std::chrono::nanoseconds) { return std::shared_ptr<rate_estimator>(); };
  const auto none = rate_controller::make(span(1), options);
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message(), Catch::Contains("estimator made a null pointer"));
}
