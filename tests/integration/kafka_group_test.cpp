// Processes that share a group on a real broker: orderly hand-over, kill -9, a frozen process that
// comes back.
#include "kafka_copy_job.hpp"

using namespace weir;
using namespace weir::kafka;

SCENARIO("processes of a group hand partitions over", "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  copy_job copy(*broker);
  auto one = copy.start();
  std::this_thread::sleep_for(2s);
  auto two = copy.start();
  std::this_thread::sleep_for(3s);

  WHEN("one leaves in order and comes back") {
    CHECK(one->end(SIGTERM) == 0);
    std::this_thread::sleep_for(2s);
    one = copy.start();
    std::this_thread::sleep_for(2s);
    REQUIRE(copy.drained(30s));
    CHECK(one->end(SIGTERM) == 0);
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost and none comes twice") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled == 0);
      CHECK(copy.committed_only_forward());
    }
  }
  WHEN("one is killed") {
    CHECK(one->end(SIGKILL) == -SIGKILL);
    REQUIRE(copy.drained(40s));
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost, and only its last uncommitted batches come twice") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled < 4'000);
      CHECK(copy.committed_only_forward());
    }
  }
  WHEN("one freezes for longer than its session and comes back") {
    one->signal(SIGSTOP);
    std::this_thread::sleep_for(8s);
    one->signal(SIGCONT);
    std::this_thread::sleep_for(3s);
    REQUIRE(copy.drained(40s));
    CHECK(one->end(SIGTERM) == 0);
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost, and it has not taken a commit back") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled < 4'000);
      CHECK(copy.committed_only_forward());
    }
  }
}

SCENARIO("streams of one group in one process share its partitions", "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("shared");
  admin.create_topic(topic, 4);
  for (int p = 0; p < 4; ++p)
    admin.produce(topic, numbers(0, 100), p);
  auto options = reading(*broker, topic);
  options.group = fresh_name("g");
  options.properties = {{"heartbeat.interval.ms", "200"}};
  job one(make_source(options));
  start(one);
  REQUIRE(one.run_until(400));
  job two(make_source(options));
  REQUIRE(outcome_of(two.open()) == "ok");
  REQUIRE(two.turn_until([&] {
    one.turn();
    return one.under_test().ready() && two.under_test().ready();
  }));
  for (int p = 0; p < 4; ++p)
    admin.produce(topic, numbers(100, 10), p);
  for (int i = 0; i < 500 && one.records.size() + two.records.size() < 440; ++i) {
    REQUIRE(outcome_of(one.run_batch()) == "ok");
    REQUIRE(outcome_of(two.run_batch()) == "ok");
    std::this_thread::sleep_for(5ms);
  }
  CHECK(one.records.size() == 420);
  CHECK(two.records.size() == 20);
  CHECK(outcome_of(one.close()) == "ok");
  CHECK(outcome_of(two.close()) == "ok");
  CHECK(admin.committed_offsets(options.group, topic) ==
        std::vector<std::optional<std::int64_t>>(4, 110));
}

SCENARIO("a program that stops polling loses its partitions and gets them back",
         "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("unpolled");
  admin.create_topic(topic, 2);
  admin.produce(topic, numbers(0, 100));
  auto options = reading(*broker, topic);
  options.group = fresh_name("g");
  options.properties = {{"session.timeout.ms", "2000"},
                        {"heartbeat.interval.ms", "200"},
                        {"max.poll.interval.ms", "2000"}};
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_until(100));
  settle(stream);
  std::this_thread::sleep_for(3s); // as a host that blocks its own loop
  admin.produce(topic, numbers(100, 50), 1);
  REQUIRE(stream.turn_until([&] { return !stream.under_test().ready(); }, 5s));
  REQUIRE(stream.turn_until_ready());
  CHECK(stream.run_until(150));
  CHECK(values_of(stream.records, 0) == numbers(0, 100));
  CHECK(values_of(stream.records, 1) == numbers(100, 50));
  CHECK(stream.log_text().find("not polled for") != std::string::npos);
}
