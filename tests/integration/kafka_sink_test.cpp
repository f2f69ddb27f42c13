// What the producer sink leaves in a real topic.
#include "kafka_jobs.hpp"

#include <thread>

using namespace weir;
using namespace weir::kafka;
using testing_support::header_list;

namespace {

/// A sink replica outside a job: waits where the engine would wait to be woken.
template <class T>
class lone_sink {
public:
  explicit lone_sink(const sink_factory<T>& factory) : sink_(factory.make()) {
    env_.wake = [this] { woken_ = true; };
    env_.log = [](log_level, std::string_view) {};
  }
  expected<void> open() { return sink_->open(env_); }

  expected<void> write(const std::vector<T>& records) {
    std::size_t written = 0;
    return insist([&] {
      return sink_->write({.partition = partition_id(0), .records = records, .data = {}}, written);
    });
  }
  expected<void> finish() {
    if (auto prepared = insist([&] { return sink_->prepare(); }); !prepared)
      return prepared;
    return insist([&] { return sink_->commit(); });
  }
  sink<T>& raw() { return *sink_; }
  std::size_t waits = 0;

private:
  template <class Call>
  expected<void> insist(Call&& call) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    for (;;) {
      woken_ = false;
      auto done = call();
      if (!done)
        return std::move(done).error();
      if (*done == progress::done)
        return {};
      ++waits;
      while (!woken_) { // a lost wake-up would show here
        if (std::chrono::steady_clock::now() > end)
          return error{errc::timed_out, "the sink was not woken"};
        std::this_thread::sleep_for(1ms);
      }
    }
  }

  std::unique_ptr<sink<T>> sink_;
  replica_context env_;
  std::atomic<bool> woken_{false};
};

} // namespace

TEST_CASE("messages arrive with key, value, headers, partition and time",
          "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("out");
  const auto other = fresh_name("other");
  admin.create_topic(topic, 3);
  admin.create_topic(other, 1);
  lone_sink<owned_outgoing> sink(
      producer_sink<owned_outgoing>({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  REQUIRE(outcome_of(sink.write({
              {.key = "k",
               .value = "v",
               .headers = {{"a", "1"}, {"a", "2"}},
               .partition = 2,
               .timestamp = event_time(1'700'000'000'000ms)},
              {.key = "k", .value = std::nullopt, .partition = 2},
              {.key = "", .value = "", .partition = 2},
              {.topic = other, .value = "elsewhere"},
          })) == "ok");
  REQUIRE(outcome_of(sink.finish()) == "ok");
  const auto stored = admin.consume_all(topic);
  REQUIRE(stored.size() == 3);
  CHECK(stored[0].partition == 2);
  CHECK(stored[0].key == "k");
  CHECK(stored[0].value == "v");
  CHECK(stored[0].timestamp_ms == 1'700'000'000'000);
  CHECK(stored[0].headers == header_list{{"a", "1"}, {"a", "2"}});
  CHECK(stored[1].value == std::nullopt);
  CHECK(stored[2].key == "");
  CHECK(stored[2].value == "");
  CHECK(admin.consume_all(other).front().value == "elsewhere");
}

TEST_CASE("an event time is written as it is, also at the beginning of time",
          "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("out");
  admin.create_topic(topic, 1);
  lone_sink<owned_outgoing> sink(
      producer_sink<owned_outgoing>({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  for (const auto stamp : {0ms, 1ms, 2ms, 1'700'000'000'000ms})
    REQUIRE(outcome_of(sink.write({{.value = "v", .timestamp = event_time(stamp)}})) == "ok");
  REQUIRE(outcome_of(sink.finish()) == "ok");
  std::vector<std::int64_t> stamps;
  for (const auto& r : admin.consume_all(topic))
    stamps.push_back(r.timestamp_ms);
  CHECK(stamps == std::vector<std::int64_t>{1, 1, 2, 1'700'000'000'000}); // 0: see outgoing.hpp
  const auto before = sink.write({{.value = "v", .timestamp = event_time(-1ms)}});
  REQUIRE_FALSE(before);
  CHECK_THAT(before.error().message(), Catch::Matchers::Contains("before 1970"));
}

TEST_CASE("a batch is acknowledged when the broker has all of it", "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("out");
  admin.create_topic(topic, 3);
  // A queue of 1 MiB for 20 MiB: the sink must wait again and again.
  lone_sink<std::string> sink(producer_sink<std::string>(
      {.brokers = broker->bootstrap(), .topic = topic, .max_queued_bytes = 1 << 20},
      [](const std::string& value) {
        return outgoing{.key = std::string_view(value).substr(0, 8), .value = value};
      }));
  REQUIRE(outcome_of(sink.open()) == "ok");
  std::size_t total = 0;
  for (int batch = 0; batch < 5; ++batch) {
    for (int block = 0; block < 4; ++block) {
      std::vector<std::string> values;
      for (int i = 0; i < 1000; ++i)
        values.push_back(fmt::format("{:08}", total++) + std::string(1'000, 'x'));
      REQUIRE(outcome_of(sink.write(values)) == "ok");
    }
    REQUIRE(outcome_of(sink.finish()) == "ok");
    std::int64_t there = 0;
    for (const auto end : admin.end_offsets(topic))
      there += end;
    CHECK(there == static_cast<std::int64_t>(total));
  }
  CHECK(sink.waits > 0);
}

TEST_CASE("a message that cannot be delivered fails its batch", "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("out");
  admin.create_topic(topic, 1, {{"max.message.bytes", "2000"}});
  lone_sink<owned_outgoing> sink(
      producer_sink<owned_outgoing>({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  SECTION("because it is too large for the topic") {
    REQUIRE(outcome_of(sink.write({{.value = std::string(10'000, 'x')}})) == "ok");
    const auto outcome = sink.finish();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::sink_failed);
    CHECK_THAT(outcome.error().message(),
               Catch::Matchers::Contains("max.message.bytes") &&
                   Catch::Matchers::Contains("a record of 10000 bytes (no key"));
  }
  SECTION("because its partition does not exist") {
    const std::vector<owned_outgoing> records{
        {.value = "x", .headers = {{"h", "1"}}, .partition = 7}};
    const auto written = sink.write(records);
    const auto outcome = written ? sink.finish() : written;
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::unknown_topic);
  }
  sink.raw().abort();
  REQUIRE(outcome_of(sink.write({{.value = "fits"}})) == "ok");
  CHECK(outcome_of(sink.finish()) == "ok");
  CHECK(admin.consume_all(topic).size() == 1);
}

TEST_CASE("a record that the broker finds invalid is named", "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  const auto topic = fresh_name("out");
  broker->admin().create_topic(topic, 1, {{"cleanup.policy", "compact"}});
  lone_sink<owned_outgoing> sink(
      producer_sink<owned_outgoing>({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  REQUIRE(outcome_of(sink.write({{.value = "without a key"}})) == "ok");
  const auto outcome = sink.finish();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().message(),
             Catch::Matchers::Contains("a record of 13 bytes (no key, value of 13 bytes") &&
                 Catch::Matchers::Contains(topic) &&
                 Catch::Matchers::Contains("takes no record without a key"));
}

TEST_CASE("a letter that the broker refuses as too large is sent cut",
          "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("bad");
  admin.create_topic(topic, 1, {{"max.message.bytes", "4000"}});
  lone_sink<dead_letter> sink(dead_letters({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  REQUIRE(outcome_of(sink.write({{.job = "j", .key = "k", .value = std::string(50'000, 'v')}})) ==
          "ok");
  REQUIRE(outcome_of(sink.finish()) == "ok");
  const auto stored = admin.consume_all(topic);
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].key == "k");
  CHECK(stored[0].value == std::string(1'024, 'v'));
  CHECK(std::ranges::count(stored[0].headers,
                           std::pair<std::string, std::string>("weir-value-bytes", "50000")) == 1);
}

TEST_CASE("an encoder that throws fails its batch", "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  const auto topic = fresh_name("out");
  broker->admin().create_topic(topic, 1);
  lone_sink<int> sink(
      producer_sink<int>({.brokers = broker->bootstrap(), .topic = topic},
                         [](int) -> owned_outgoing { throw std::runtime_error("no such thing"); }));
  REQUIRE(outcome_of(sink.open()) == "ok");
  const auto outcome = sink.write({1});
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == errc::user_function_failed);
  CHECK_THAT(outcome.error().message(), Catch::Matchers::Contains("no such thing"));
}

TEST_CASE("keys are placed as the Java client places them", "[connectors][kafka][sink]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("out");
  admin.create_topic(topic, 10);
  lone_sink<owned_outgoing> sink(
      producer_sink<owned_outgoing>({.brokers = broker->bootstrap(), .topic = topic}));
  REQUIRE(outcome_of(sink.open()) == "ok");
  REQUIRE(outcome_of(sink.write({{.key = "21", .value = "a"}, {.key = "foobar", .value = "b"}})) ==
          "ok");
  REQUIRE(outcome_of(sink.finish()) == "ok");
  for (const auto& r : admin.consume_all(
           topic)) // murmur2 as in Apache Kafka's own test: "21" -973932308, "foobar" -790332482
    CHECK(r.partition == ((r.key == "21" ? -973932308 : -790332482) & 0x7fffffff) % 10);
}
