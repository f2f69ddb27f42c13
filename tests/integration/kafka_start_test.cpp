// Where a stream of a real broker begins, and what it does when records are gone.
#include "kafka_jobs.hpp"

using namespace weir;
using namespace weir::kafka;
using Catch::Matchers::Contains;
using testing_support::outgoing_record;

namespace {

/// What a stream with these starting offsets reads of partition 0 until it has seen `last`.
std::vector<std::string> read_from(direct_stream_options options, starting_offsets from,
                                   std::size_t expected) {
  options.start = std::move(from);
  job stream(make_source(options));
  start(stream);
  CHECK(stream.run_until(expected, 10s));
  return values_of(stream.records);
}

} // namespace

SCENARIO("a stream starts where it is told", "[connectors][kafka][start]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("start");
  admin.create_topic(topic, 1);
  const std::int64_t base = 1'767'225'600'000; // ms; 2026
  admin.produce(topic, 100, [&](std::uint64_t i, outgoing_record& r) {
    r.value = std::to_string(i);
    r.timestamp_ms = base + static_cast<std::int64_t>(i) * 1000;
  });
  const auto options = reading(*broker, topic);

  CHECK(read_from(options, starting_offsets::earliest(), 100) == numbers(0, 100));
  CHECK(read_from(options, starting_offsets::at({{topic, 0, 42}}), 58) == numbers(42, 58));
  CHECK(read_from(options, starting_offsets::at({{topic, 0, partition_offset::beginning}}), 100) ==
        numbers(0, 100));
  CHECK(read_from(options,
                  starting_offsets::at_time(event_time(std::chrono::milliseconds(base + 69'500))),
                  30) == numbers(70, 30));
  GIVEN("a stream at the end, and one at a time that has not come") {
    auto late = options;
    late.start = starting_offsets::latest();
    job at_end(make_source(late));
    start(at_end);
    late.start = starting_offsets::at_time(event_time(std::chrono::milliseconds(base + 3'600'000)));
    job in_future(make_source(late));
    start(in_future);
    admin.produce(topic, {"new"});
    THEN("both read what comes") {
      REQUIRE(at_end.run_until(1));
      REQUIRE(in_future.run_until(1));
      CHECK(values_of(at_end.records) == std::vector<std::string>{"new"});
      CHECK(values_of(in_future.records) == std::vector<std::string>{"new"});
    }
  }
  GIVEN("a group with committed offsets") {
    const auto group = fresh_name("g");
    admin.commit_offsets(group, topic, {90});
    auto grouped = options;
    grouped.group = group;
    THEN("they win over the starting offsets") {
      CHECK(read_from(grouped, starting_offsets::earliest(), 10) == numbers(90, 10));
    }
    THEN("unless the stream is told otherwise") {
      grouped.prefer_committed = false;
      CHECK(read_from(grouped, starting_offsets::at({{topic, 0, 95}}), 5) == numbers(95, 5));
    }
    THEN("they also count for a stream by assignment, which commits there") {
      grouped.topics = {};
      grouped.assign = {{.topic = topic}};
      CHECK(read_from(grouped, starting_offsets::earliest(), 10) == numbers(90, 10));
      CHECK(admin.committed_offsets(group, topic).front() == 100);
    }
  }
}

SCENARIO("records that have expired are never skipped in silence",
         "[connectors][kafka][data-loss]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("expired");
  admin.create_topic(topic, 1);
  admin.produce(topic, numbers(0, 100));
  const auto group = fresh_name("g");
  admin.commit_offsets(group, topic, {20});
  admin.delete_records(topic, 0, 60);
  auto options = reading(*broker, topic);
  options.group = group;

  GIVEN("a committed offset whose records are gone") {
    WHEN("the policy is to fail") {
      job stream(make_source(options));
      REQUIRE(outcome_of(stream.open()) == "ok");
      (void)stream.turn_until([&] { return stream.failure().has_value(); }, 10s);
      THEN("the job ends with both bounds and the remedy") {
        REQUIRE(stream.failure());
        CHECK(stream.failure()->code() == errc::offset_out_of_range);
        CHECK_THAT(stream.failure()->message(),
                   Contains("committed offset 20") && Contains("[60, 100)"));
      }
    }
    WHEN("the policy is to go on at the beginning") {
      options.on_data_loss = data_loss::earliest;
      job stream(make_source(options));
      start(stream);
      THEN("the gap is logged") {
        REQUIRE(stream.run_until(40));
        CHECK(values_of(stream.records) == numbers(60, 40));
        CHECK_THAT(stream.log_text(), Contains("40 offsets are skipped"));
      }
    }
    WHEN("the policy is to go on at the end") {
      options.on_data_loss = data_loss::latest;
      job stream(make_source(options));
      start(stream);
      admin.produce(topic, {"new"});
      THEN("only what comes is read") {
        REQUIRE(stream.run_until(1));
        CHECK(values_of(stream.records) == std::vector<std::string>{"new"});
      }
    }
  }
  GIVEN("a committed offset behind the end, as after a topic was made anew") {
    admin.commit_offsets(group, topic, {500});
    THEN("it is refused, or goes on by the policy") {
      job refused(make_source(options));
      REQUIRE(outcome_of(refused.open()) == "ok");
      (void)refused.turn_until([&] { return refused.failure().has_value(); }, 10s);
      REQUIRE(refused.failure());
      CHECK_THAT(refused.failure()->message(), Contains("made anew"));
      REQUIRE(outcome_of(refused.close()) == "ok");
      options.on_data_loss = data_loss::earliest;
      job stream(make_source(options));
      start(stream);
      CHECK(stream.run_until(40));
    }
  }
}

SCENARIO("records may expire while a stream reads", "[connectors][kafka][data-loss]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("expiring");
  admin.create_topic(topic, 1);
  admin.produce(topic, 30'000, [](std::uint64_t i, outgoing_record& r) {
    r.value = std::string(2'000, 'x') + std::to_string(i);
  });
  auto options = reading(*broker, topic);
  const auto run = [&](data_loss policy) {
    options.on_data_loss = policy;
    // Small queues, so that most of the topic is still at the broker when it is deleted there.
    auto stream =
        std::make_unique<job>(make_source(options), job::settings{.memory_share = 1 << 20});
    start(*stream);
    REQUIRE(stream->run_batch(100));
    admin.delete_records(topic, 0, 29'000);
    return stream;
  };
  WHEN("the policy is to fail") {
    auto stream = run(data_loss::fail);
    const auto failed = stream->run_batch();
    THEN("the batch fails") {
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == errc::offset_out_of_range);
    }
  }
  WHEN("the policy is to go on") {
    auto stream = run(data_loss::earliest);
    const auto done = stream->run_batch();
    THEN("the batch ends with what is left, and the gap is logged") {
      REQUIRE(outcome_of(done) == "ok");
      CHECK(stream->records.back().offset == 29'999);
      CHECK(stream->records.size() < 20'000);
      CHECK_THAT(stream->log_text(), Contains("offsets lost"));
      admin.produce(topic, {"after"});
      CHECK(stream->run_until(stream->records.size() + 1));
    }
  }
}

SCENARIO("a topic that is made anew is noticed while a stream runs",
         "[connectors][kafka][data-loss]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("anew");
  admin.create_topic(topic, 1);
  admin.produce(topic, numbers(0, 50));
  auto options = reading(*broker, topic);
  options.on_data_loss = data_loss::earliest;
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_until(50));
  admin.delete_topic(topic);
  admin.create_topic(topic, 1);
  admin.produce(topic, numbers(100, 10));
  CHECK(stream.run_until(60, 60s));
  CHECK(values_of(stream.records).back() == "109");
}

TEST_CASE("an unknown topic or partition refuses the start", "[connectors][kafka][errors]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  job unknown(make_source(reading(*broker, "nobody-made-this")));
  const auto opened = unknown.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == errc::unknown_topic);
  CHECK_THAT(opened.error().message(),
             Contains("nobody-made-this") && Contains("create the topic"));

  auto grouped = reading(*broker, "nobody-made-this");
  grouped.group = fresh_name("g");
  job member(make_source(grouped));
  CHECK(member.open().error().code() == errc::unknown_topic);

  const auto topic = fresh_name("small");
  broker->admin().create_topic(topic, 2);
  auto options = reading(*broker, topic);
  options.topics = {};
  options.assign = {{.topic = topic, .partitions = {1, 2}}};
  job too_far(make_source(options));
  CHECK_THAT(too_far.open().error().message(), Contains("no partition 2") && Contains("it has 2"));
}

TEST_CASE("a stream may start inside an open transaction", "[connectors][kafka][start]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const std::string way : {"group", "listed", "assigned", "listed in a group"})
    for (const auto policy : {data_loss::fail, data_loss::earliest, data_loss::latest}) {
      const auto topic = fresh_name("open");
      CAPTURE(way, static_cast<int>(policy));
      admin.create_topic(topic, 1);
      admin.produce(topic, numbers(0, 10));
      const auto id = fresh_name("tx");
      const auto fill = [](std::uint64_t i, outgoing_record& r) {
        r.value = std::to_string(100 + i);
      };
      admin.produce(topic, 5, fill,
                    {.transactional_id = id, .end = testing_support::transaction_end::leave_open});
      auto options = reading(*broker, topic);
      options.on_data_loss = policy;
      if (way != "listed" && way != "assigned")
        options.group = fresh_name("g");
      if (way == "group")
        admin.commit_offsets(options.group, topic, {12});
      else
        options.start = starting_offsets::at({{topic, 0, 12}});
      if (way == "assigned") {
        options.topics = {};
        options.assign = {{.topic = topic}};
      }
      job stream(make_source(options));
      start(stream);
      for (int i = 0; i < 5; ++i)
        REQUIRE(outcome_of(stream.run_batch()) == "ok");
      CHECK(stream.records.empty());
      admin.produce(topic, 1, fill, {.transactional_id = id}); // ends the other one
      admin.produce(topic, numbers(200, 5));
      CHECK(stream.run_until(6));
      std::vector<std::string> expected = {"100"};
      for (const auto& value : numbers(200, 5))
        expected.push_back(value);
      CHECK(values_of(stream.records) == expected);
      CHECK_FALSE(stream.failure());
    }
}

TEST_CASE("listed offsets that no partition has are refused", "[connectors][kafka][start]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  const auto topic = fresh_name("listed");
  broker->admin().create_topic(topic, 2);
  for (const bool grouped : {false, true}) {
    CAPTURE(grouped);
    auto options = reading(*broker, topic);
    if (grouped)
      options.group = fresh_name("g");
    for (const auto& [place, means] : std::vector<std::pair<partition_offset, std::string>>{
             {{topic, 2, 5}, "does not exist"},
             {{"else" + topic, 0, 5}, "none of the partitions"}}) {
      options.start = starting_offsets::at({{topic, 0, 0}, place});
      job stream(make_source(options));
      const auto opened = stream.open();
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code() == errc::invalid_config);
      CHECK_THAT(opened.error().message(), Contains(place.topic) && Contains(means));
    }
  }
}

TEST_CASE("internal topics are read only when their names are given",
          "[connectors][kafka][start]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto mine = fresh_name("mine");
  const auto hidden = "__" + mine;
  admin.create_topic(mine, 1);
  admin.create_topic(hidden, 1);
  admin.commit_offsets(fresh_name("g"), mine, {0}); // so that there is a topic of offsets
  const auto read_by = [&](const std::string& pattern, bool grouped, bool by_name) {
    auto options = reading(*broker, hidden);
    if (!by_name) {
      options.topics = {};
      options.topic_pattern = pattern;
    }
    if (grouped)
      options.group = fresh_name("g");
    job stream(make_source(options));
    start(stream);
    REQUIRE(outcome_of(stream.run_batch()) == "ok");
    std::vector<std::string> topics;
    for (const auto& p : stream.last_survey)
      if (p.topic.ends_with(mine) || p.topic.starts_with("__"))
        topics.push_back(p.topic);
    return topics;
  };
  using names = std::vector<std::string>;
  for (const bool grouped : {false, true}) {
    CAPTURE(grouped);
    CHECK(read_by(".*" + mine, grouped, false) == names{mine});
    CHECK(read_by("_.*|" + mine, grouped, false) == names{mine});
    CHECK(read_by(hidden + "|" + mine, grouped, false) == names{hidden, mine});
    CHECK(read_by("", grouped, true) == names{hidden});
  }
}
