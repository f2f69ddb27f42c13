// The Kafka source and its receivers on librdkafka's mock cluster.
#include "source_fixture.hpp"

using namespace weir;
using namespace weir::kafka;

SCENARIO("a stream reads every partition in order", "[connectors][kafka][source]") {
  GIVEN("three partitions and two replicas") {
    auto broker = broker_with("t", 3);
    for (int p = 0; p < 3; ++p)
      produce_numbers(broker.bootstrap(), "t", p, 1000 * p, 500);
    harness job(make_source(reading(broker, "t")), {.replicas = 2});
    REQUIRE(outcome_of(job.open()) == "ok");
    REQUIRE(job.turn_until_ready());
    WHEN("batches are limited") {
      THEN("each takes its range and nothing is read twice or left out") {
        for (int i = 0; i < 6; ++i) {
          const auto work = job.run_batch(100);
          REQUIRE(work);
          CHECK(work->ranges.size() == 3);
        }
        REQUIRE(job.records.size() == 1500);
        const auto sorted = by_partition(job.records);
        for (int p = 0; p < 3; ++p)
          CHECK(sorted.at(p) == numbers(1000 * p, 500));
        CHECK(job.last_survey[0].lag() == 0);
      }
    }
    WHEN("a batch is aborted half way, and another rewound after it was read") {
      REQUIRE(job.run_batch(50));
      REQUIRE(job.run_batch(120, harness::fate::abort));
      REQUIRE(job.run_batch(120, harness::fate::rewind));
      THEN("their records come again") {
        REQUIRE(job.run_until(1500));
        const auto sorted = by_partition(job.records);
        for (int p = 0; p < 3; ++p)
          CHECK(sorted.at(p) == numbers(1000 * p, 500));
      }
    }
    WHEN("records come later") {
      REQUIRE(job.run_until(1500));
      produce_numbers(broker.bootstrap(), "t", 1, 1500, 10);
      THEN("they are read") {
        REQUIRE(job.run_until(1510));
        CHECK(by_partition(job.records).at(1).back() == "1509");
      }
    }
  }
}

TEST_CASE("blocks hold records of one partition and obey the limits",
          "[connectors][kafka][source]") {
  auto broker = broker_with("t", 2);
  for (int p = 0; p < 2; ++p)
    produce_numbers(broker.bootstrap(), "t", p, 0, 1000);
  harness job(make_source(reading(broker, "t")), {.limits = {.max_records = 64}});
  REQUIRE(outcome_of(job.open()) == "ok");
  job.on_record = [](const offset_range& range, const record& r) {
    CHECK(r.partition == range.partition);
    CHECK(r.topic == "t");
    CHECK((r.offset >= range.from && r.offset < range.until));
  };
  REQUIRE(job.run_until(2000));
  CHECK(job.blocks_seen >= 32);
}

TEST_CASE("keys, values, headers and timestamps arrive as they were sent",
          "[connectors][kafka][record]") {
  auto broker = broker_with("t", 1);
  const auto stamp = event_time(1'700'000'000'123ms);
  produce(broker.bootstrap(), {
                                  {.topic = "t",
                                   .key = "k",
                                   .value = "v",
                                   .headers = {{"a", "1"}, {"b", std::nullopt}, {"a", ""}},
                                   .timestamp = stamp},
                                  {.topic = "t", .key = std::nullopt, .value = std::nullopt},
                                  {.topic = "t", .key = "", .value = ""},
                              });
  auto options = reading(broker, "t");
  SECTION("with headers") {
    options.include_headers = true;
    harness job(make_source(options));
    REQUIRE(outcome_of(job.open()) == "ok");
    REQUIRE(job.run_until(3));
    CHECK(job.records[0].key == "k");
    CHECK(job.records[0].timestamp == stamp);
    CHECK(job.records[0].stamped_by == timestamp_kind::create);
    CHECK(job.records[0].headers ==
          std::vector<owned_header>{{"a", "1"}, {"b", std::nullopt}, {"a", ""}});
    CHECK(job.records[1].key == std::nullopt);
    CHECK(job.records[1].value == std::nullopt);
    CHECK(job.records[2].key == "");
    CHECK(job.records[2].value == "");
  }
  SECTION("without") {
    harness job(make_source(options));
    REQUIRE(outcome_of(job.open()) == "ok");
    REQUIRE(job.run_until(3));
    CHECK(job.records[0].headers.empty());
  }
}

TEST_CASE("a start fails within its time when no broker answers", "[connectors][kafka][errors]") {
  direct_stream_options options{
      .brokers = "127.0.0.1:1", .topics = {"t"}, .connect_timeout = 700ms};
  SECTION("without a group") {}
  SECTION("with a group") { options.group = "g"; }
  harness job(make_source(options));
  const auto began = std::chrono::steady_clock::now();
  const auto opened = job.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == errc::unreachable_broker);
  CHECK_THAT(opened.error().message(),
             Catch::Matchers::Contains("700 ms") && Catch::Matchers::Contains("`brokers`"));
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}
