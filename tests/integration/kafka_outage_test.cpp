// A real broker that goes away and comes back, and logins.
#include "kafka_jobs.hpp"

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
