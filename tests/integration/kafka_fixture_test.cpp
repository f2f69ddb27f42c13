// The broker of the integration tests: everything the others rely on.
#include <catch2/catch.hpp>
#include <tests/support/kafka/broker.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace weir::testing_support;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> values(const std::vector<stored_record>& records) {
  std::vector<std::string> all;
  for (const auto& r : records)
    all.push_back(r.value.value_or("(null)"));
  return all;
}

/// Polls: a broker's clean-up has no event to wait for.
bool becomes_true(const std::function<bool()>& holds, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

} // namespace

SCENARIO("topics are made, grown and deleted", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("life");
  admin.create_topic(topic, 2);
  CHECK(admin.partition_count(topic) == 2);
  CHECK_THROWS_WITH(admin.create_topic(topic, 2), Catch::Contains("exists"));
  admin.create_partitions(topic, 5);
  CHECK(admin.end_offsets(topic) == std::vector<std::int64_t>(5, 0));
  admin.delete_topic(topic);
  CHECK(admin.partition_count(topic) == 0);
  CHECK_THROWS_WITH(admin.consume_all(topic), Catch::Contains("no such topic"));
}

SCENARIO("what is produced is read back, null apart from empty", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("round-trip");
  admin.create_topic(topic, 3);
  admin.produce(topic, 6, [](std::uint64_t i, outgoing_record& r) {
    r.partition = static_cast<std::int32_t>(i % 3);
    r.key = i < 3 ? std::nullopt : std::optional<std::string>("");
    r.value = i == 5 ? std::nullopt : std::optional("v" + std::to_string(i));
    r.timestamp_ms = 1'700'000'000'000 + static_cast<std::int64_t>(i);
    r.headers = {{"n", std::to_string(i)}, {"n", ""}};
  });
  const auto all = admin.consume_all(topic);
  REQUIRE(all.size() == 6);
  CHECK(values(all) == std::vector<std::string>{"v0", "v3", "v1", "v4", "v2", "(null)"});
  CHECK_FALSE(all[0].key);
  CHECK(all[1].key == "");
  CHECK(all[1].timestamp_ms == 1'700'000'000'003);
  CHECK(all[1].headers == header_list{{"n", "3"}, {"n", ""}});
  CHECK(admin.end_offsets(topic) == std::vector<std::int64_t>{2, 2, 2});
}

SCENARIO("transactions commit, abort and stay open", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("transactions");
  admin.create_topic(topic, 1);
  const auto fill = [](const std::string& name) {
    return [name](std::uint64_t i, outgoing_record& r) { r.value = name + std::to_string(i); };
  };
  admin.produce(topic, 2, fill("kept"), {.transactional_id = topic + "-1"});
  admin.produce(topic, 2, fill("aborted"),
                {.transactional_id = topic + "-2", .end = transaction_end::abort});
  admin.produce(topic, {"plain"});
  CHECK(values(admin.consume_all(topic)) == std::vector<std::string>{"kept0", "kept1", "plain"});
  CHECK(admin.consume_all(topic, isolation::read_uncommitted).size() == 5);
  CHECK(admin.end_offsets(topic)[0] == 7); // two markers

  admin.produce(topic, 1, fill("open"),
                {.transactional_id = topic + "-3", .end = transaction_end::leave_open});
  admin.produce(topic, {"behind"});
  CHECK(admin.consume_all(topic).size() == 3);
  CHECK(admin.consume_all(topic, isolation::read_uncommitted).size() == 7);
}

SCENARIO("old records go away on request and by retention", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto cut = fresh_name("cut");
  admin.create_topic(cut, 2);
  for (int p = 0; p < 2; ++p)
    admin.produce(cut, {"a", "b", "c"}, p);
  admin.delete_records(cut, 1, 2);
  CHECK(admin.begin_offsets(cut) == std::vector<std::int64_t>{0, 2});
  CHECK(values(admin.consume_all(cut)) == std::vector<std::string>{"a", "b", "c", "c"});

  const auto aged = fresh_name("aged");
  admin.create_topic(aged, 1, {{"retention.ms", "1000"}, {"segment.ms", "1000"}});
  admin.produce(aged, 3, [](std::uint64_t, outgoing_record& r) {
    r.value = "old";
    r.timestamp_ms = 1'600'000'000'000;
  });
  CHECK(becomes_true([&] { return admin.begin_offsets(aged)[0] == 3; }, 30s));
}

SCENARIO("a group's offsets are set and read", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("offsets");
  admin.create_topic(topic, 2);
  CHECK(admin.committed_offsets(topic, topic) ==
        std::vector<std::optional<std::int64_t>>{std::nullopt, std::nullopt});
  admin.commit_offsets(topic, topic, {0, 7});
  CHECK(admin.committed_offsets(topic, topic) == std::vector<std::optional<std::int64_t>>{0, 7});
  admin.delete_group(topic);
  CHECK_FALSE(admin.committed_offsets(topic, topic)[1]);
}

SCENARIO("clients come in with TLS, and with TLS and a password", "[kafka][fixture]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto plain = broker->admin();
  const auto topic = fresh_name("secure");
  plain.create_topic(topic, 1);
  topic_admin tls(broker->ssl(), broker->ssl_client());
  tls.produce(topic, {"by tls"});
  topic_admin sasl(broker->sasl_ssl(), broker->sasl_ssl_client());
  sasl.produce(topic, {"by sasl"});
  CHECK(values(plain.consume_all(topic)) == std::vector<std::string>{"by tls", "by sasl"});
}

SCENARIO("clients come in with SCRAM at the last broker version before Kafka 4",
         "[kafka][fixture]") {
  if (!require_broker())
    return;
  real_broker broker({.tls_sasl = true, .version = "3.9.1"});
  broker.admin().create_topic("secure", 1);
  topic_admin scram(broker.sasl_ssl(), broker.sasl_ssl_client("SCRAM-SHA-512"));
  scram.produce("secure", {"by scram"});
  CHECK(values(scram.consume_all("secure")) == std::vector<std::string>{"by scram"});
}

SCENARIO("a broker that is killed or frozen comes back with its data", "[kafka][fixture]") {
  if (!require_broker())
    return;
  real_broker broker;
  auto admin = broker.admin();
  admin.create_topic("t", 1);
  admin.produce("t", {"before"});
  const auto address = broker.bootstrap();
  SECTION("killed") {
    broker.kill();
    broker.restart();
  }
  SECTION("stopped") {
    broker.stop();
    broker.restart();
  }
  SECTION("frozen") {
    broker.suspend();
    std::this_thread::sleep_for(200ms);
    broker.resume();
  }
  CHECK(broker.bootstrap() == address);
  CHECK(becomes_true(
      [&] { return values(admin.consume_all("t")) == std::vector<std::string>{"before"}; }, 60s));
}

SCENARIO("a broker ends with the process that started it", "[kafka][fixture]") {
  if (!require_broker())
    return;
  const auto dir =
      std::filesystem::temp_directory_path() / ("weir-orphan-" + std::to_string(::getpid()));
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const auto parent = ::fork();
  if (parent == 0) {
    try {
      real_broker broker({.dir = dir});
      const auto pid = broker.pid();
      (void)!::write(pipe[1], &pid, sizeof pid);
      ::raise(SIGKILL);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      ::_exit(1);
    }
  }
  ::close(pipe[1]);
  pid_t broker = 0;
  REQUIRE(::read(pipe[0], &broker, sizeof broker) == static_cast<ssize_t>(sizeof broker));
  REQUIRE(::waitpid(parent, nullptr, 0) == parent);
  CHECK(becomes_true([&] { return ::kill(broker, 0) != 0; }, 10s));
  std::filesystem::remove_all(dir);
}
