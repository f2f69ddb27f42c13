// Every small example does what its first line says. The Kafka ones run against the cluster inside
// this process.
#include "examples_process.hpp"

#include <weir/connectors/kafka.hpp>

#include <catch2/catch.hpp>
#include <tests/support/kafka/topic_admin.hpp>

#include <csignal>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

struct kafka {
  weir::kafka::embedded_broker broker = weir::kafka::embedded_broker::make().value();
  topic_admin admin{broker.bootstrap()};

  void topic(const std::string& name, const std::vector<std::string>& values = {}) {
    REQUIRE(broker.create_topic(name));
    if (!values.empty())
      admin.produce(name, values);
  }
};

void end(example& program) {
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
}

} // namespace

SCENARIO("embedded: records from memory reach the program's own code", "[examples]") {
  example program("embedded");
  CHECK(program.wait(30s) == 0);
  CHECK_THAT(program.out(), Contains("35 is hot\n") && Contains("40 is hot\n"));
  CHECK(program.last_line() == "2 of 5 readings are hot");
}

SCENARIO("two_sources: a batch has a part of both", "[examples]") {
  example program("two_sources");
  CHECK(program.wait(30s) == 0);
  CHECK_THAT(program.out(), Contains("web: 3 orders\n") && Contains("phone: 2 orders\n") &&
                                Contains("tea 3\n") && Contains("coffee 2\n"));
}

SCENARIO("word_count: counts the words of a topic", "[examples][kafka]") {
  kafka at;
  at.topic("lines", {"to be or not", "to be"});
  example program("word_count", {at.broker.bootstrap(), "lines"});
  CHECK(program.prints("(to,2)\n", 30s));
  CHECK_THAT(program.out(), Contains("(be,2)\n") && Contains("(or,1)\n") && Contains("(not,1)\n"));
  end(program);
}

SCENARIO("kafka_to_kafka: what goes in comes out, in capitals", "[examples][kafka]") {
  kafka at;
  at.topic("lines", {"one", "two"});
  at.topic("capitals");
  example program("kafka_to_kafka", {at.broker.bootstrap(), "lines", "capitals"});
  std::vector<std::string> found;
  for (const auto deadline = std::chrono::steady_clock::now() + 30s;
       found.size() < 2 && std::chrono::steady_clock::now() < deadline;) {
    found.clear();
    for (const auto& record : at.admin.consume_all("capitals", isolation::read_uncommitted))
      found.push_back(record.value.value_or("(null)"));
  }
  CHECK(found == std::vector<std::string>{"ONE", "TWO"});
  end(program);
}

SCENARIO("manual_commit: offsets are committed after the batch", "[examples][kafka]") {
  kafka at;
  at.topic("lines", {"a", "b", "c"});
  example program("manual_commit", {at.broker.bootstrap(), "lines"});
  CHECK(program.prints("committed 3 records\n", 30s));
  end(program);
  CHECK(at.admin.committed_offsets("manual_commit", "lines") ==
        std::vector<std::optional<std::int64_t>>{3});
}

SCENARIO("an example without a broker says so and fails", "[examples][kafka]") {
  example program("word_count", {"127.0.0.1:1"});
  CHECK(program.wait(30s) == 1);
  CHECK_THAT(program.err(), Contains("127.0.0.1:1"));
}
