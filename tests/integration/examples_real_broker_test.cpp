// The demonstration on a real Kafka: topics it has to create, and topics that hold records already.
#include "examples_process.hpp"

#include <catch2/catch.hpp>
#include <tests/support/kafka/broker.hpp>

#include <csignal>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("the demonstration holds on a real broker", "[examples][impressions][kafka]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("impressions");
  const std::vector<std::string> at{"--brokers", broker->bootstrap(), "--topic", topic};
  const auto with = [&at](std::vector<std::string> more) {
    more.insert(more.begin(), at.begin(), at.end());
    return more;
  };

  GIVEN("a topic that does not exist") {
    {
      example program("impressions",
                      with({"--capacity", "4000", "--steady", "800", "--surge", "16000",
                            "--warm-up", "3s", "--surge-for", "2s", "--interval", "1s"}));
      CHECK(program.wait(120s) == 0);
      INFO(program.out() << program.err());
      CHECK(program.last_line() == "verdict: held, in = out");
    }
    CHECK(admin.partition_count(topic) == 18);
    std::int64_t before = 0;
    for (const auto end : admin.end_offsets(topic))
      before += end;
    CHECK(before > 32'000);

    WHEN("the same topic is loaded for one batch") {
      example program("impressions", with({"--one-batch", "50000"}));
      CHECK(program.wait(60s) == 0);
      INFO(program.out() << program.err());
      THEN("only what was loaded is counted") {
        CHECK_THAT(program.out(), Contains("one batch of 50,000 records took"));
        CHECK(program.last_line() == "verdict: held, in = out");
      }
    }
    AND_WHEN("it is counted without load") {
      example program("impressions", with({"--no-load", "--capacity", "0", "--interval", "200ms"}));
      REQUIRE(program.prints(" 0\n", 30s)); // a row whose last column, the lag, is nil
      program.signal(SIGINT);
      CHECK(program.wait(20s) == 0);
      INFO(program.out() << program.err());
      THEN("all of it is counted until Ctrl-C") {
        CHECK_THAT(program.last_line(), Contains(": in = out"));
      }
    }
  }
}

SCENARIO("a broker that is not there is named", "[examples][impressions][kafka]") {
  example program("impressions", {"--brokers", "127.0.0.1:1"});
  CHECK(program.wait(30s) == 1);
  CHECK_THAT(program.err(), Contains("127.0.0.1:1"));
}
