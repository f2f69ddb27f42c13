// A real broker that goes away and comes back, and logins.
#include "kafka_jobs.hpp"

#include <weir/weir.hpp>

#include <atomic>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>

using namespace weir;
using namespace weir::kafka;
using Catch::Matchers::Contains;
using testing_support::real_broker;

SCENARIO("a broker goes down and comes back", "[connectors][kafka][outage]") {
  if (!require_broker()) // says why there is none
    return;
  real_broker broker;
  auto admin = broker.admin();
  admin.create_topic("t", 2);
  admin.produce("t", numbers(0, 1000), 0);
  auto options = reading(broker, "t");
  options.group = "g";
  options.properties = {{"reconnect.backoff.max.ms", "500"}};
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_batch(100));
  settle(stream);

  WHEN("it is stopped in order while a stream reads") {
    broker.stop();
    const auto during = stream.run_batch(100, job::fate::complete, 2s);
    broker.restart();
    THEN("the stream waits, and then reads every record once") {
      CHECK(stream.run_until(1000, 90s));
      CHECK(values_of(stream.records) == numbers(0, 1000));
      admin.produce("t", numbers(1000, 10), 0);
      CHECK(stream.run_until(1010, 30s));
      settle(stream);
      CHECK(outcome_of(stream.close()) == "ok");
      CHECK(admin.committed_offsets("g", "t").front() == 1010);
    }
  }
  WHEN("it is killed") {
    broker.kill();
    std::this_thread::sleep_for(500ms);
    broker.restart();
    THEN("the stream goes on") {
      CHECK(stream.run_until(1000, 90s));
      CHECK(values_of(stream.records) == numbers(0, 1000));
    }
  }
  WHEN("it freezes for a while") {
    broker.suspend();
    std::this_thread::sleep_for(2s);
    broker.resume();
    THEN("the stream goes on") {
      CHECK(stream.run_until(1000, 90s));
      CHECK(values_of(stream.records) == numbers(0, 1000));
    }
  }
  WHEN("it is gone when the stream ends") {
    broker.stop();
    const auto began = std::chrono::steady_clock::now();
    const auto closed = stream.close(2s);
    THEN("the stream ends in time") { CHECK(std::chrono::steady_clock::now() - began < 6s); }
  }
}

TEST_CASE("a stop keeps its deadline while no broker answers", "[connectors][kafka][outage]") {
  if (!require_broker()) // says why there is none
    return;
  real_broker broker;
  auto admin = broker.admin();
  admin.create_topic("t", 2);
  admin.produce("t", numbers(0, 1000), 0);
  struct how {
    bool frozen; ///< Connected and silent; else gone.
    bool grouped;
    stop_mode mode;
  };
  for (const auto& [frozen, grouped, mode] : std::vector<how>{{true, false, stop_mode::drain},
                                                              {true, true, stop_mode::drain},
                                                              {true, false, stop_mode::abandon},
                                                              {true, true, stop_mode::abandon},
                                                              {false, true, stop_mode::drain}}) {
    CAPTURE(frozen, grouped, static_cast<int>(mode));
    broker.resume();
    auto ctx = context::make({.name = "late", .batch_interval = 50ms, .worker_threads = 1});
    REQUIRE(ctx);
    auto options = reading(broker, "t");
    if (grouped)
      options.group = fresh_name("g");
    std::atomic<int> read{0};
    direct_stream(*ctx, options)
        .map([&](const record& r) {
          ++read;
          return r.offset;
        })
        .for_each_batch([](const auto&) {});
    REQUIRE(ctx->start());
    for (int i = 0; i < 2'000 && read < 1'000; ++i)
      std::this_thread::sleep_for(5ms);
    REQUIRE(read >= 1'000);
    if (frozen)
      broker.suspend();
    else
      broker.kill();
    std::this_thread::sleep_for(400ms); // a survey waits for an answer
    const auto cpu = std::clock();
    const auto began = std::chrono::steady_clock::now();
    const auto left = ctx->stop(1s, mode);
    const auto took = std::chrono::steady_clock::now() - began;
    REQUIRE(left);
    CAPTURE(took / 1ms);
    CHECK(took < 2s);
    if (took > 1'100ms)
      CHECK_FALSE(left->in_time);
    CHECK(std::clock() - cpu < CLOCKS_PER_SEC / 2);
  }
}

TEST_CASE("members of groups follow a broker to another address", "[connectors][kafka][outage]") {
  if (!require_broker()) // says why there is none
    return;
  real_broker broker;
  broker.admin().create_topic("t", 1);
  broker.admin().produce("t", numbers(0, 100));
  const auto next = real_broker::spare_address();
  auto options = reading(broker, "t");
  options.brokers += "," + next;
  options.properties = {{"session.timeout.ms", "2000"},
                        {"heartbeat.interval.ms", "200"},
                        {"reconnect.backoff.max.ms", "500"}};
  options.group = "asks";
  job asks(make_source(options));
  start(asks);
  options.group = "never-asks"; // only a new client helps
  options.properties["coordinator.query.interval.ms"] = "600000";
  job anew(make_source(options));
  start(anew);
  auto ctx = context::make({.name = "receive", .batch_interval = 100ms, .worker_threads = 1});
  REQUIRE(ctx);
  std::atomic<int> received{0};
  receiver_stream(*ctx, {.brokers = options.brokers,
                         .topics = {"t"},
                         .group = "receives",
                         .from_beginning = true,
                         .properties = options.properties,
                         .restarts = {.delay = 200ms}})
      .map([&](const record& r) {
        ++received;
        return r.offset;
      })
      .for_each_batch([](const auto&) {});
  REQUIRE(ctx->start());
  REQUIRE(asks.run_until(100));
  REQUIRE(anew.run_until(100));
  for (int i = 0; i < 1'000 && received < 100; ++i)
    std::this_thread::sleep_for(10ms);
  REQUIRE(received == 100);

  broker.move_to(next);
  broker.admin().produce("t", numbers(100, 10));
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < end &&
         (asks.records.size() < 110 || anew.records.size() < 110 || received < 110)) {
    for (auto* stream : {&asks, &anew})
      REQUIRE(outcome_of(stream->run_batch()) == "ok");
    std::this_thread::sleep_for(20ms);
  }
  CHECK(values_of(asks.records) == numbers(0, 110));
  CHECK(values_of(anew.records).back() == "109");
  CHECK(received >= 110);
  CHECK(outcome_of(asks.close()) == "ok");
  CHECK(outcome_of(anew.close()) == "ok");
  CHECK(ctx->stop());
}

SCENARIO("TLS and SCRAM are a matter of properties", "[connectors][kafka][security]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("secure");
  admin.create_topic(topic, 1);
  admin.produce(topic, numbers(0, 10));
  auto options = reading(*broker, topic);
  options.connect_timeout = 8s;
  WHEN("the certificate's authority is known") {
    options.brokers = broker->ssl();
    options.properties = broker->ssl_client();
    THEN("a stream reads through TLS") {
      job stream(make_source(options));
      start(stream);
      CHECK(stream.run_until(10));
    }
  }
  WHEN("the login is right") {
    options.brokers = broker->sasl_ssl();
    options.properties = broker->sasl_ssl_client();
    options.group = fresh_name("g");
    THEN("a group's member reads through TLS and SCRAM-SHA-512, and goes on after many records") {
      admin.produce(topic, numbers(10, 5000));
      job stream(make_source(options));
      start(stream);
      CHECK(stream.run_until(5010));
      CHECK(outcome_of(stream.close()) == "ok");
      CHECK(stream.log_text().find(broker->password()) == std::string::npos);
    }
    THEN("a sink writes through it") {
      producer to({.brokers = options.brokers, .topic = topic, .properties = options.properties});
      replica_context env;
      env.wake = [] {};
      env.log = [](log_level, std::string_view) {};
      CHECK(outcome_of(to.open(env)) == "ok");
    }
  }
  WHEN("the password is wrong") {
    options.brokers = broker->sasl_ssl();
    options.properties = broker->sasl_ssl_client();
    options.properties["sasl.password"] = "wrong-password";
    THEN("the start fails soon, says why, and keeps the password to itself") {
      job stream(make_source(options));
      const auto began = std::chrono::steady_clock::now();
      const auto opened = stream.open();
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code() == errc::authentication);
      CHECK_THAT(opened.error().message(), !Contains("wrong-password"));
      CHECK_THAT(stream.log_text(), !Contains("wrong-password"));
      CHECK(std::chrono::steady_clock::now() - began < 8s);
    }
  }
  WHEN("the client has a defect that the broker does not take") {
    options.brokers = broker->sasl_ssl();
    options.properties = broker->sasl_ssl_client("SCRAM-SHA-512");
    THEN("the error says so") {
      job stream(make_source(options));
      const auto opened = stream.open();
      if (!opened) { // a newer librdkafka logs in
        CHECK(opened.error().code() == errc::authentication);
        CHECK_THAT(opened.error().message(),
                   Contains("the password may be right") && Contains("2.6.1") && Contains("PLAIN"));
        CHECK_THAT(stream.log_text(), Contains("the password may be right"));
      }
    }
  }
  WHEN("credentials stand among the brokers") {
    options.brokers = "weir:sec,ret@" + broker->sasl_ssl();
    THEN("they are refused and not repeated") {
      job stream(make_source(options));
      const auto opened = stream.open();
      REQUIRE_FALSE(opened);
      CHECK_THAT(opened.error().message(), !Contains("sec") && Contains("sasl.password"));
      CHECK_THAT(stream.log_text(), !Contains("ret@"));
    }
  }
  WHEN("the authority is not known") {
    options.brokers = broker->ssl();
    options.properties = {{"security.protocol", "SSL"}};
    THEN("the start fails") {
      job stream(make_source(options));
      const auto opened = stream.open();
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code() == errc::authentication);
      CHECK_THAT(opened.error().message(), Contains("certificate"));
    }
  }
}

TEST_CASE("a run over what is there does not take a broker that is away for the end",
          "[connectors][kafka][outage]") {
  if (!require_broker())
    return;
  for (const bool freezes : {false, true}) {
    CAPTURE(freezes);
    real_broker broker;
    auto admin = broker.admin();
    admin.create_topic("t", 1);
    admin.produce("t", numbers(0, 3000), 0);
    auto options = reading(broker, "t");
    options.group = "g";
    options.properties = {{"reconnect.backoff.max.ms", "500"}};
    auto ctx = context::make({.name = "all",
                              .trigger = trigger::available_now,
                              .rate_control = {.job = {.ceiling = 200}},
                              .worker_threads = 1});
    REQUIRE(ctx);
    std::mutex mutex;
    std::set<std::int64_t> seen;
    direct_stream(*ctx, options)
        .map([](const record& r) { return r.offset; })
        .for_each_batch([&](const batch_view<std::int64_t>& batch) {
          const std::lock_guard lock(mutex);
          batch.for_each([&](std::int64_t offset) { seen.insert(offset); });
        });
    const auto count = [&] {
      const std::lock_guard lock(mutex);
      return seen.size();
    };
    REQUIRE(ctx->start());
    for (int i = 0; i < 1'000 && count() < 200; ++i)
      std::this_thread::sleep_for(10ms);
    REQUIRE(count() >= 200);
    REQUIRE(count() < 3000);
    if (freezes)
      broker.suspend();
    else
      broker.kill();
    CHECK_FALSE(*ctx->await_for(4s));
    if (freezes)
      broker.resume();
    else
      broker.restart();
    CHECK(*ctx->await_for(90s));
    CHECK(count() == 3000);
  }
}
