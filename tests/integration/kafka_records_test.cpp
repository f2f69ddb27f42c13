// What records of a real broker look like: null and empty, headers, gaps, new partitions.
#include "kafka_jobs.hpp"

using namespace weir;
using namespace weir::kafka;
using testing_support::outgoing_record;
using testing_support::transaction_end;

TEST_CASE("null is not empty, and headers come on demand", "[connectors][kafka][record]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("nulls");
  admin.create_topic(topic, 1);
  admin.produce(topic, 4, [](std::uint64_t i, outgoing_record& r) {
    r = {};
    r.partition = 0;
    if (i == 0)
      r.key = "", r.value = "";
    if (i == 2)
      r.key = "k", r.value = "v", r.timestamp_ms = 1'700'000'000'123,
      r.headers = {{"a", "1"}, {"a", "2"}, {"b", ""}};
    if (i == 3)
      r.value = "no key";
  });
  auto options = reading(*broker, topic);
  options.include_headers = true;
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_until(4));
  CHECK(stream.records[0].key == "");
  CHECK(stream.records[0].value == "");
  CHECK(stream.records[1].key == std::nullopt);
  CHECK(stream.records[1].value == std::nullopt);
  CHECK(stream.records[2].key == "k");
  CHECK(stream.records[2].timestamp == event_time(1'700'000'000'123ms));
  CHECK(stream.records[2].headers == std::vector<owned_header>{{"a", "1"}, {"a", "2"}, {"b", ""}});
  CHECK(stream.records[3].key == std::nullopt);
  CHECK(stream.records[3].value == "no key");
}

SCENARIO("aborted transactions leave gaps that no batch waits for", "[connectors][kafka][gaps]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("gaps");
  admin.create_topic(topic, 1);
  const auto produce = [&](int first, int count, transaction_end end) {
    admin.produce(topic, static_cast<std::uint64_t>(count),
                  [&](std::uint64_t i, outgoing_record& r) {
                    r.value = std::to_string(first + static_cast<int>(i));
                    r.partition = 0;
                  },
                  {.transactional_id = fresh_name("tx"), .end = end});
  };
  GIVEN("committed and aborted records in turn, an aborted one last") {
    std::vector<std::string> committed;
    for (int i = 0; i < 10; ++i) {
      const bool keep = i % 2 == 0;
      produce(100 * i, 20, keep ? transaction_end::commit : transaction_end::abort);
      if (keep)
        for (auto& n : numbers(100 * i, 20))
          committed.push_back(n);
    }
    job stream(make_source(reading(*broker, topic)));
    start(stream);
    WHEN("they are read in batches whose ends lie anywhere") {
      for (int i = 0; i < 40; ++i)
        REQUIRE(outcome_of(stream.run_batch(7)) == "ok");
      THEN("exactly the committed ones come, in order, and the position is at the end") {
        CHECK(values_of(stream.records) == committed);
        CHECK(stream.last_survey.front().lag() == 0);
      }
    }
    WHEN("batches end in gaps and one is given up") {
      REQUIRE(outcome_of(stream.run_batch(30)) == "ok");
      REQUIRE(outcome_of(stream.run_batch(55, job::fate::rewind)) == "ok");
      REQUIRE(outcome_of(stream.run_batch(3)) == "ok");
      REQUIRE(outcome_of(stream.run_batch(11, job::fate::abort)) == "ok");
      THEN("nothing is lost or doubled") {
        REQUIRE(stream.run_until(committed.size()));
        CHECK(values_of(stream.records) == committed);
      }
    }
    WHEN("a transaction stays open") {
      produce(5000, 5, transaction_end::leave_open);
      admin.produce(topic, {"behind"});
      REQUIRE(stream.run_until(committed.size()));
      REQUIRE(outcome_of(stream.run_batch()) == "ok");
      THEN("what lies behind it is not seen, and the lag ends at it") {
        CHECK(values_of(stream.records) == committed);
        CHECK(stream.last_survey.front().lag() == 0);
      }
    }
  }
}

SCENARIO("new partitions are read from their beginning", "[connectors][kafka][growth]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("grows");
  admin.create_topic(topic, 1);
  auto options = reading(*broker, topic);
  options.start = starting_offsets::latest();
  options.discovery_interval = 1s;
  SECTION("by a stream of its own") {}
  SECTION("by a member of a group") { options.group = fresh_name("g"); }
  SECTION("by assignment") {
    options.topics = {};
    options.assign = {{.topic = topic}};
  }
  SECTION("by pattern") {
    options.topics = {};
    options.topic_pattern = "grow[s]" + topic.substr(5);
  }
  job stream(make_source(options), {.replicas = 2});
  start(stream);
  REQUIRE(outcome_of(stream.run_batch()) == "ok");
  admin.create_partitions(topic, 3);
  for (int p = 0; p < 3; ++p)
    admin.produce(topic, numbers(10 * p, 10), p);
  REQUIRE(stream.run_until(30, 40s));
  for (int p = 0; p < 3; ++p)
    CHECK(values_of(stream.records, p) == numbers(10 * p, 10));
}

TEST_CASE("new topics that match a pattern are read", "[connectors][kafka][growth]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto stem = fresh_name("pattern");
  direct_stream_options options{.brokers = broker->bootstrap(),
                                .topic_pattern = stem + "-[ab]",
                                .start = starting_offsets::earliest(),
                                .discovery_interval = 1s};
  SECTION("without a group") {}
  SECTION("in a group") { options.group = fresh_name("g"); }
  admin.create_topic(stem + "-a", 1);
  admin.produce(stem + "-a", {"1"});
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_until(1));
  admin.create_topic(stem + "-b", 2);
  admin.create_topic(stem + "-c", 1);
  admin.produce(stem + "-b", {"2"}, 1);
  admin.produce(stem + "-c", {"3"});
  REQUIRE(stream.run_until(2, 40s));
  CHECK(stream.records.back().topic == stem + "-b");
}
