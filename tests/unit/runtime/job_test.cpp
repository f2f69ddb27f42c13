// Where the time of a batch goes, what waits, and what rate control makes of it. The manual clock
// moves inside user functions, so every duration can be checked by hand.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::duration;
using weir::test::sink_control;

namespace {

weir::context_options one_thread() {
  auto options = weir::test::options_for();
  options.worker_threads = 1;
  return options;
}

/// Numbers, each of which takes `cost` in a map, into a fake sink.
struct timed_job {
  explicit timed_job(weir::context_options options, duration per_record = 2ms)
      : cost(per_record), job(*weir::testing::stepped_job::make(std::move(options))) {
    weir::memory_stream(job.context(), input, "numbers")
        .map([this](int n) { return job.clock().advance(cost), n; })
        .to(weir::test::to_fake_sink<int>(sink));
  }

  duration cost;
  std::shared_ptr<weir::memory_log<int>> input = std::make_shared<weir::memory_log<int>>();
  std::shared_ptr<sink_control> sink = std::make_shared<sink_control>();
  weir::testing::stepped_job job;
};

/// Busy, blocked and idle time of each operator are its replicas' part of the batch.
void check_parts_sum(const weir::batch_report& report) {
  CHECK(report.total_delay() == report.scheduling_delay + report.processing_time);
  for (const auto& op : report.operators) {
    INFO(op.name);
    CHECK(op.busy + op.blocked + op.idle == op.replicas * report.processing_time);
    CHECK(op.idle >= 0ns);
  }
}

} // namespace

SCENARIO("the parts of a report add up", "[runtime][batch_report]") {
  timed_job t(one_thread());
  t.input->append_all(std::vector<int>(10, 1));
  const auto report = *t.job.step();
  check_parts_sum(report);
  CHECK(report.processing_time == 20ms);
  CHECK(report.lateness == 0ms);
  CHECK(report.scheduling_delay == 0ms);
  REQUIRE(report.operators.size() == 3);
  CHECK(report.operators[1].busy == 20ms);
  CHECK(report.operators[1].blocked == 0ms);
  CHECK(report.operators[1].records_in == 10);
  CHECK(report.operators[2].idle == 20ms);
  CHECK(report.interval == 1s);
  CHECK(report.records == 10);
  CHECK(report.edges.size() == 2);
  CHECK(report.edges[0].blocks == 1);
}

SCENARIO("a batch that is noticed late tells how late", "[runtime][batch_report]") {
  timed_job t(one_thread());
  REQUIRE(t.job.context().start());
  t.job.clock().advance(1300ms);
  t.job.context().run_ready();
  REQUIRE(t.job.reports().size() == 1);
  CHECK(t.job.reports()[0].lateness == 300ms);
}

SCENARIO(
    "time behind a sink that stands still is blocked time, and the next batch's scheduling delay",
    "[runtime][batch_report]") {
  timed_job t(one_thread());
  t.sink->shut();
  t.input->append(1);
  CHECK_FALSE(t.job.step()); // 2 ms in the map, then the sink stands
  t.input->append(2);
  CHECK_FALSE(t.job.step()); // submitted behind it
  t.job.clock().advance(500ms);
  t.sink->reopen();
  t.job.context().run_ready();
  const auto reports = t.job.reports();
  REQUIRE(reports.size() == 2);
  check_parts_sum(reports[0]);
  check_parts_sum(reports[1]);
  CHECK(reports[0].processing_time == 1500ms);
  CHECK(reports[0].operators[1].busy == 2ms);
  CHECK(reports[0].operators[2].blocked == 1498ms);
  CHECK(reports[0].waiting_batches == 1);
  CHECK(reports[1].scheduling_delay == 500ms);
  CHECK(reports[1].total_delay() == 502ms);
}

SCENARIO("only so many batches wait, the ticks past them are merged into the next batch",
         "[runtime][batch_scheduler]") {
  auto options = one_thread();
  options.max_waiting_batches = 1;
  timed_job t(options, 0ms);
  t.sink->shut();
  for (int n = 1; n <= 4; ++n) { // 1 stands in the sink, 2 waits, 3 and 4 get no batch of their own
    t.input->append(n);
    CHECK_FALSE(t.job.step());
  }
  t.sink->reopen();
  t.job.context().run_ready();
  const auto fifth = *t.job.step();
  CHECK(fifth.merged_ticks == 2);
  CHECK(fifth.records == 2); // 3 and 4
  CHECK(t.job.reports().size() == 3);
  CHECK(t.job.reports()[1].merged_ticks == 0);
}

SCENARIO("a batch takes no more than the rate allows, and the rest is lag",
         "[runtime][rate_control]") {
  auto options = one_thread();
  options.rate_control = {.first_batch_rate = 30};
  timed_job t(options);
  t.input->append_all(std::vector<int>(100, 1));
  const auto report = *t.job.step();
  CHECK(report.records == 30);
  CHECK(report.sources[0].allowed == 30U);
  CHECK(report.sources[0].lag == 70);
}

SCENARIO("gains can be changed while a job runs", "[runtime][rate_control]") {
  auto options = one_thread();
  options.rate_control = {.gains = {.proportional = 1, .integral = 0, .min_rate = 1},
                          .first_batch_rate = 100,
                          .extensions = weir::rate_extensions::none()};
  timed_job t(options, 1ms); // 1000 records per second
  t.input->append_all(std::vector<int>(10'000, 1));
  REQUIRE(t.job.step()->records == 100);
  REQUIRE(t.job.step()->sources[0].rate.rate_after.value() == Approx(1000));
  CHECK_FALSE(t.job.context().set_gains({.proportional = -1}));
  t.cost = 2ms; // 500 records per second
  WHEN("the proportional gain stays") {
    const auto third = *t.job.step();
    THEN("the rate goes to what was measured") {
      CHECK(third.sources[0].rate.rate_after.value() == Approx(500));
    }
  }
  WHEN("the proportional gain is halved") {
    REQUIRE(t.job.context().set_gains({.proportional = 0.5, .integral = 0, .min_rate = 1}));
    const auto third = *t.job.step();
    THEN("it goes half the way") { CHECK(third.sources[0].rate.rate_after.value() == Approx(750)); }
  }
}

SCENARIO("bounds can be changed while a job runs", "[runtime][rate_control]") {
  auto options = one_thread();
  options.rate_control = {.first_batch_rate = 1000};
  timed_job t(options, 100us);
  t.input->append_all(std::vector<int>(100'000, 1));
  REQUIRE(t.job.step()->records == 1000);
  CHECK_FALSE(t.job.context().set_rate_limits({.job = {.ceiling = -1}}));
  WHEN("the job gets a ceiling") {
    REQUIRE(t.job.context().set_rate_limits({.job = {.ceiling = 50}}));
    const auto next = *t.job.step();
    THEN("it holds from the next batch on, and is named") {
      CHECK(next.records == 50);
      AND_WHEN("it goes again") {
        REQUIRE(t.job.context().set_rate_limits({}));
        (void)*t.job.step();
        CHECK(t.job.step()->records > 50);
      }
    }
  }
  WHEN("one partition gets one") {
    REQUIRE(t.job.context().set_rate_limits(
        {.single = {{.topic = "numbers", .partition = 0, .ceiling = 20}}}));
    THEN("that one is held to it") { CHECK(t.job.step()->sources[0].ranges[0].count() == 20); }
  }
}

SCENARIO("a report as JSON has the parts under their names and units", "[runtime][batch_report]") {
  timed_job t(one_thread());
  t.input->append_all({1, 2});
  const auto text = weir::to_json(*t.job.step());
  using Catch::Contains;
  CHECK_THAT(text, Contains(R"("epoch":1)") && Contains(R"("time_ms":1767225601000)") &&
                       Contains(R"("records":2)"));
  CHECK_THAT(text, Contains(R"("topic":"numbers")") && Contains(R"("until":2)") &&
                       Contains(R"("failure":null)"));
  CHECK_THAT(text, Contains(R"("processing_time_ms":4)"));
  CHECK(text.find('\n') == std::string::npos);
}
