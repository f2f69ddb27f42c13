// What the controller adds to the law, one extension at a time.
#include "controller_fixture.hpp"

#include <weir/backpressure/rate_controller.hpp>

#include <bit>
#include <random>

using namespace weir;
using testing::at;
using testing::controlled;
using testing::span;

namespace {

constexpr std::uint64_t deep = 100'000'000; // records of lag that no test exhausts

} // namespace

SCENARIO("with every extension off the controller is the law, bit for bit",
         "[backpressure][rate_controller]") {
  const auto seed = GENERATE(range(1u, 11u));
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>{low, high}(random);
  };
  const pid_gains gains{.proportional = 0.7, .integral = 0.3, .derivative = 0.1, .min_rate = 50};
  controlled job{{.gains = gains, .extensions = rate_extensions::none()}};
  auto law = *pid_rate_estimator::make(span(1), gains);
  std::optional<double> expected = 1000.0; // the first-batch rate, until the law has an estimate
  std::int64_t now = 0;
  for (int i = 0; i < 300; ++i) {
    now += pick(0, 2000);
    const batch_timing batch{.end = steady_time{std::chrono::milliseconds{now}},
                             .records = static_cast<std::uint64_t>(pick(0, 1) * pick(0, 1'000'000)),
                             .processing_time = std::chrono::milliseconds{pick(0, 4000)},
                             .scheduling_delay = std::chrono::milliseconds{pick(0, 9000)}};
    job.controller.on_batch(batch);
    if (const auto rate = law.update(batch))
      expected = rate;
    REQUIRE(std::bit_cast<std::uint64_t>(*job.controller.rate()) ==
            std::bit_cast<std::uint64_t>(*expected));
  }
}

SCENARIO("options outside their range are refused by name", "[backpressure][rate_controller]") {
  const auto refusal = [](const rate_control_options& options) {
    auto made = rate_controller::make(span(1), options);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::invalid_config);
    return made.error().message();
  };
  CHECK_FALSE(rate_controller::make(duration{0}));
  CHECK_THAT(refusal({.gains = {.min_rate = 0}}), Catch::Contains("min_rate"));
  CHECK_THAT(refusal({.first_batch_rate = 0}), Catch::Contains("first_batch_rate is 0"));
  CHECK_THAT(refusal({.job = {.floor = -1}}), Catch::Contains("job.floor"));
  CHECK_THAT(refusal({.job = {.ceiling = 0}}), Catch::Contains("job.ceiling"));
  CHECK_THAT(refusal({.partition = {.floor = 9, .ceiling = 8}}),
             Catch::Contains("partition.ceiling is 8"));
  CHECK_THAT(refusal({.extensions = {.max_rise = 1}}), Catch::Contains("max_rise"));
  CHECK_THAT(refusal({.extensions = {.drain_above = 0}}), Catch::Contains("drain_above"));
  CHECK_THAT(refusal({.extensions = {.reset_after = -3}}), Catch::Contains("reset_after"));
}

SCENARIO("the first measured batch already sets the rate", "[backpressure][rate_controller]") {
  controlled job{{.first_batch_rate = 500}};
  CHECK(job.cut_sum(1, {deep}) == 500);
  job.finish(1.25, 500, 0.25);
  CHECK(job.cut_sum(2, {deep}) ==
        Approx(2000).epsilon(0.5)); // 2000/s measured, extrapolated with caution
}

SCENARIO("while the first batch is out, little is sent after it",
         "[backpressure][rate_controller]") {
  controlled job{{.gains = {.min_rate = 10}}};
  CHECK(job.cut_sum(1, {deep}) == 1000);
  CHECK(job.cut_sum(
            2, {deep},
            {.batches = 1, .records = 1000, .running_records = 1000, .running_for = span(1)}) ==
        10);
}

SCENARIO("a fixed cost per batch does not pull the rate down", "[backpressure][rate_controller]") {
  GIVEN("batches that cost 0.2 s and 1 ms per record") {
    controlled job;
    for (int k = 1; k <= 10; ++k) {
      const auto records = job.cut_sum(k, {deep});
      const double seconds = 0.2 + static_cast<double>(records) / 1000;
      job.finish(k + std::min(seconds, 0.999), records, seconds);
    }
    THEN("the rate is the one that fills the interval, fixed cost included") {
      CHECK(*job.controller.rate() == Approx(800).epsilon(0.03));
      CHECK(job.controller.decision().fixed_cost <= span(0.5));
    }
    AND_WHEN("quiet hours bring ten records per batch") {
      for (int k = 11; k <= 60; ++k)
        job.finish(k + 0.21, 10, 0.21);
      THEN("the rate is kept for the next burst") {
        CHECK(*job.controller.rate() == Approx(800).epsilon(0.15));
      }
    }
  }
}

SCENARIO("work already cut counts as delay of the next batch", "[backpressure][rate_controller]") {
  GIVEN("a job known to manage 1000/s") {
    controlled job;
    for (int k = 1; k <= 5; ++k) {
      job.cut(k, {deep});
      job.finish(k + 1.0, 1000, 1.0);
    }
    WHEN("a batch of half an interval still waits at the tick") {
      const auto records = job.cut_sum(6, {deep}, {.batches = 1, .records = 500});
      THEN("integral gain and drain make room: 1000 - 0.2 * 500 - (500 - 100)") {
        CHECK(records == Approx(500).epsilon(0.03));
        CHECK(job.controller.decision().clamp == rate_clamp::drain);
      }
    }
    WHEN("the running batch is overdue by twice its time") {
      const auto records = job.cut_sum(
          6, {deep},
          {.batches = 2, .records = 1500, .running_records = 1000, .running_for = span(3)});
      THEN("all is believed to take twice as long: 500 wait for 1 s, nothing but the minimum is "
           "cut") {
        CHECK(records == 100);
      }
    }
  }
}

SCENARIO("an empty or tiny batch that still runs is no cause for alarm",
         "[backpressure][rate_controller]") {
  controlled job;
  for (int k = 1; k <= 5; ++k) {
    job.cut(k, {deep});
    job.finish(k + 1.0, 1000, 1.0);
  }
  const auto before = job.cut_sum(6, {deep});
  for (const std::uint64_t records : {0u, 1u})
    CHECK(job.cut_sum(7, {deep},
                      {.batches = 1,
                       .records = records,
                       .running_records = records,
                       .running_for = span(0.05)}) == before);
}

SCENARIO("data-bound batches do not lower the rate of the bare law",
         "[backpressure][rate_controller]") {
  GIVEN("the law on raw measurements, at 1000/s") {
    rate_control_options options{.extensions = rate_extensions::none()};
    options.extensions.anti_windup = true;
    controlled job{options};
    job.finish(1, 1000, 1);
    job.finish(2, 1000, 1);
    WHEN("a batch of 10 records, fewer than allowed, takes 0.2 s") {
      batch_timing quiet{
          .end = at(3), .records = 10, .processing_time = span(0.2), .limited = false};
      const auto decision = job.controller.on_batch(quiet);
      THEN("the rate stays and the decision says why") {
        CHECK(decision.rate_after == 1000.0);
        CHECK(decision.clamp == rate_clamp::data_bound);
      }
    }
    WHEN("the same batch had been cut by its limit") {
      const auto decision = job.controller.on_batch(
          {.end = at(3), .records = 10, .processing_time = span(0.2), .limited = true});
      THEN("the rate follows it") {
        CHECK(*decision.rate_after == Approx(100)); // 50/s, raised to min_rate
      }
    }
  }
}

SCENARIO("the rate rises by no more than the slew limit", "[backpressure][rate_controller]") {
  controlled job{{.extensions = {.max_rise = 2}}};
  job.finish(1.001, 1000, 0.001);
  CHECK(*job.controller.rate() == 2000);
  CHECK(job.controller.decision().clamp == rate_clamp::max_rise);
}

SCENARIO("floors and ceilings of the job are per second", "[backpressure][rate_controller]") {
  GIVEN("a 100 ms interval and a job between 200/s and 400/s") {
    controlled job{{.job = {.floor = 200, .ceiling = 400}}, 0.1};
    CHECK(job.cut_sum(0.1, {deep}) == 40);
    job.finish(0.2, 40, 4);
    CHECK(*job.controller.rate() == 200);
    CHECK(job.controller.decision().clamp == rate_clamp::floor);
    CHECK(job.cut_sum(10, {deep}) == 20);
  }
}

SCENARIO("a ceiling does not wind the law up", "[backpressure][rate_controller]") {
  GIVEN("a gentle law held at 100/s for a while by its ceiling, with much more capacity") {
    controlled job{{.gains = {.proportional = 0.5, .min_rate = 1},
                    .first_batch_rate = 100,
                    .job = {.ceiling = 100}}};
    for (int k = 1; k <= 50; ++k)
      job.finish(k + 0.1, 100, 0.1);
    REQUIRE(*job.controller.rate() == 100);
    WHEN("the capacity falls to 20/s") {
      job.finish(56, 100, 5);
      job.finish(61, 100, 5); // one may be a stall, two are believed
      THEN("the law starts from 100/s and not from what it would have liked") {
        CHECK(*job.controller.rate() <=
              62); // 100 - 0.5 * (100 - 20), or less; from 1000 it would be above 500
      }
    }
  }
}

SCENARIO("switched off, only ceilings limit", "[backpressure][rate_controller]") {
  controlled free{{.enabled = false}};
  CHECK_FALSE(free.cut(1, {deep})[0].max_records);
  CHECK_FALSE(free.controller.rate());
  CHECK(free.finish(2, 1000, 1).clamp == rate_clamp::off);

  controlled bounded{{.enabled = false, .partition = {.ceiling = 70}}};
  CHECK(bounded.cut(1, {deep, 5})[0].max_records == 70u);

  controlled job{{.enabled = false, .job = {.ceiling = 70}}};
  CHECK(job.cut_sum(1, {deep, 5}) == Approx(70).margin(1));
}

SCENARIO("gains change while running without losing what was learnt",
         "[backpressure][rate_controller]") {
  controlled job;
  for (int k = 1; k <= 5; ++k) {
    job.cut(k, {deep});
    job.finish(k + 1.0, 1000, 1.0);
  }
  REQUIRE(job.controller.set_gains({.integral = 0.5}));
  CHECK(*job.controller.rate() == Approx(1000).epsilon(0.02));
  CHECK(job.cut_sum(6, {deep}, {.batches = 1, .records = 200}) ==
        Approx(800).epsilon(0.03)); // 1000 - 0.5 * 200 - (200 - 100)
  CHECK_FALSE(job.controller.set_gains({.integral = -1}));
  CHECK(job.controller.options().gains.integral == 0.5);
}

SCENARIO("after a pause the next batch counts for more than the past",
         "[backpressure][rate_controller]") {
  GIVEN("a long steady run and a change too small to be a surprise") {
    const auto rate_after_change = [](double pause) {
      controlled job;
      for (int k = 1; k <= 60; ++k) {
        job.cut(k, {deep});
        job.finish(k + 1.0, 1000, k % 2 ? 0.9 : 1.1); // noise of 10 %
      }
      job.cut(61 + pause, {deep});
      return *job.finish(62 + pause, 1000, 1.25).capacity;
    };
    THEN("more than three intervals of silence make the controller doubt itself") {
      CHECK(rate_after_change(0) > 920);
      CHECK(rate_after_change(10) == Approx(800).epsilon(0.05));
    }
  }
}

SCENARIO("bytes can be the unit, limits stay in records", "[backpressure][rate_controller]") {
  GIVEN("a first rate of 50,000 bytes/s and records of 500 bytes") {
    controlled job{{.first_batch_rate = 50'000, .unit = rate_unit::bytes}};
    job.cut(1, {deep});
    job.controller.on_batch(
        {.end = at(2), .records = 100, .bytes = 50'000, .processing_time = span(1)});
    THEN("100 records make up the rate") { CHECK(job.cut_sum(2, {deep}) == Approx(100).margin(5)); }
    WHEN("records grow to 1,000 bytes that take as long per byte") {
      for (int k = 2; k < 40; ++k)
        job.controller.on_batch(
            {.end = at(k + 1), .records = 50, .bytes = 50'000, .processing_time = span(1)});
      THEN("half as many records are allowed") {
        CHECK(job.cut_sum(40, {deep}) == Approx(50).margin(3));
      }
    }
  }
}

SCENARIO("with scope partition a costly partition is held to its own pace",
         "[backpressure][rate_controller]") {
  GIVEN("two partitions, one of which needs 10 ms per record") {
    controlled job{{.scope = rate_scope::partition}};
    std::vector<partition_share> shares;
    for (int k = 1; k <= 80; ++k) {
      shares = job.cut(k, {deep, deep});
      const double costly = static_cast<double>(*shares[0].max_records) * 0.010;
      const double cheap = static_cast<double>(*shares[1].max_records) * 0.001;
      const partition_timing timings[] = {
          {.partition = partition_id{0}, .records = *shares[0].max_records, .busy = span(costly)},
          {.partition = partition_id{1}, .records = *shares[1].max_records, .busy = span(cheap)}};
      const double seconds = std::max(costly, cheap); // they run side by side
      job.controller.on_batch({.end = at(k + std::min(seconds, 0.999)),
                               .records = timings[0].records + timings[1].records,
                               .processing_time = span(seconds),
                               .partitions = timings,
                               .workers = 2});
    }
    THEN("it gets the 100 records/s it can do and the other one, step by step, the rest") {
      CHECK(*shares[0].max_records == Approx(100).epsilon(0.1));
      CHECK(*shares[1].max_records >= 850);
    }
  }
}

SCENARIO("with scope partition on one worker the job's time still bounds the batch",
         "[backpressure][rate_controller]") {
  controlled job{{.scope = rate_scope::partition}};
  double seconds = 0;
  for (int k = 1; k <= 30; ++k) {
    const auto shares = job.cut(k, {deep, deep});
    const double costly = static_cast<double>(*shares[0].max_records) * 0.010;
    const double cheap = static_cast<double>(*shares[1].max_records) * 0.001;
    const partition_timing timings[] = {
        {.partition = partition_id{0}, .records = *shares[0].max_records, .busy = span(costly)},
        {.partition = partition_id{1}, .records = *shares[1].max_records, .busy = span(cheap)}};
    seconds = costly + cheap; // one after the other
    job.controller.on_batch({.end = at(k + std::min(seconds, 0.999)),
                             .records = timings[0].records + timings[1].records,
                             .processing_time = span(seconds),
                             .partitions = timings});
  }
  CHECK(seconds == Approx(1).epsilon(0.06));
}

SCENARIO("the same calls give the same limits", "[backpressure][rate_controller]") {
  const auto run = [] {
    controlled job;
    std::vector<std::uint64_t> cut;
    for (int k = 1; k <= 50; ++k) {
      cut.push_back(job.cut_sum(k, {deep, 1000, 3}));
      job.finish(k + 0.9, cut.back(), 0.5 + 0.01 * (k * 7 % 50));
    }
    return cut;
  };
  CHECK(run() == run());
}

SCENARIO("a decision explains itself in a sentence", "[backpressure][rate_decision]") {
  controlled job;
  CHECK_THAT(job.controller.decision().explain(),
             Catch::Contains("1000 -> 1000 records/s: no batch has been measured yet"));
  job.cut(1, {deep, deep});
  const auto decision = job.finish(2.2, 1000, 1.2, 0.1);
  CHECK_THAT(decision.explain(), Catch::Contains("measured 833.333/s"));
  CHECK_THAT(decision.explain(),
             Catch::Contains("P ") && Catch::Contains("1000 records over 2 partitions"));
  CHECK(decision.split.size() == 2);
  CHECK_THAT(job.finish(3, 0, 1).explain(), Catch::Contains("the batch told nothing"));
  CHECK(to_string(rate_clamp::data_bound) == "data_bound");
}
