// What is logged once when a job does not keep up.
#include <weir/runtime/internal/load_watch.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace weir;

namespace {

operator_report operator_of(std::string name, std::uint32_t replicas, duration busy) {
  operator_report one;
  one.name = std::move(name);
  one.replicas = replicas;
  one.busy = busy;
  return one;
}

struct watched {
  std::vector<std::string> said;
  load_watch watch{1s, [this](log_level, std::string_view text) { said.emplace_back(text); }};

  void finish(duration delay, std::int64_t lag, duration processing = 900ms) {
    batch_report report;
    report.interval = 1s;
    report.scheduling_delay = delay;
    report.processing_time = processing;
    source_report clicks;
    clicks.name = "clicks";
    clicks.lag = lag;
    report.sources.push_back(clicks);
    report.operators.push_back(operator_of("parse", 2, 200ms));
    report.operators.push_back(operator_of("call", 1, 800ms));
    watch.on_finished(report);
  }
};

} // namespace

SCENARIO("an overdue batch is told of once, and its cause when it ends", "[load_watch]") {
  watched job;
  for (const auto running : {500ms, 1500ms, 2900ms})
    job.watch.on_tick({.batches = 1, .records = 70, .running_records = 70, .running_for = running});
  CHECK(job.said.empty());
  for (const auto running : {3100ms, 4100ms, 5100ms})
    job.watch.on_tick({.batches = 3, .records = 90, .running_records = 70, .running_for = running});
  REQUIRE(job.said.size() == 1);
  CHECK_THAT(job.said[0], Catch::Contains("a batch of 70 records") &&
                              Catch::Contains("2 batches wait behind it"));
  job.finish(0s, 0, 5500ms);
  REQUIRE(job.said.size() == 2);
  CHECK_THAT(job.said[1], Catch::Contains("5500 ms") && Catch::Contains("'call'"));
  WHEN("another batch is overdue") {
    job.watch.on_tick({.batches = 1, .records = 7, .running_records = 7, .running_for = 4s});
    THEN("that is told too") { CHECK(job.said.size() == 3); }
  }
}

SCENARIO("a job that falls behind is told of once, with the cause", "[load_watch]") {
  watched job;
  for (int i = 0; i < 4; ++i)
    job.finish(1500ms, 0);
  CHECK(job.said.empty());
  for (int i = 0; i < 10; ++i)
    job.finish(2500ms, 0);
  REQUIRE(job.said.size() == 1);
  CHECK_THAT(job.said[0], Catch::Contains("falls behind") && Catch::Contains("'call'") &&
                              Catch::Contains("source 'clicks'"));
  job.finish(100ms, 0);
  REQUIRE(job.said.size() == 2);
  CHECK_THAT(job.said[1], Catch::Contains("keeps up again"));
}

SCENARIO("lag that only grows is told of once, until it is gone", "[load_watch]") {
  watched job;
  std::int64_t lag = 0;
  for (int i = 0; i < 60; ++i)
    job.finish(0s, lag += i % 15 == 14 ? -1 : 100);
  CHECK(job.said.empty()); // it fell now and then
  for (int i = 0; i < 60; ++i)
    job.finish(0s, lag += 100);
  REQUIRE(job.said.size() == 1);
  CHECK_THAT(job.said[0],
             Catch::Contains("'clicks'") && Catch::Contains("no batch has been measured"));
  job.finish(0s, 0);
  for (int i = 1; i <= 30; ++i)
    job.finish(0s, 100 * i);
  CHECK(job.said.size() == 2);
}
