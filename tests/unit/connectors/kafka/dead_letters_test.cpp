// Dead letters as Kafka messages.
#include <weir/connectors/kafka/dead_letters.hpp>
#include <weir/runtime/on_error.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

SCENARIO("a dead letter is the record itself, with headers that say what was wrong",
         "[connectors][kafka]") {
  const weir::dead_letter letter{.job = "shop",
                                 .operation = "parse_json",
                                 .code = weir::errc::decode,
                                 .message = "is no integer",
                                 .batch = weir::batch_time(1500ms),
                                 .topic = "orders",
                                 .partition = 3,
                                 .offset = 17,
                                 .timestamp = weir::event_time(7ms),
                                 .key = "k",
                                 .value = "{",
                                 .headers = {{"trace", "1"}, {"empty", std::nullopt}}};
  const auto message = weir::kafka::to_message(letter);
  CHECK(message.topic.empty());
  CHECK(message.key == "k");
  CHECK(message.value == "{");
  CHECK(message.timestamp == weir::event_time(7ms));
  CHECK(message.headers == std::vector<weir::kafka::owned_header>{{"trace", "1"},
                                                                  {"empty", std::nullopt},
                                                                  {"weir-job", "shop"},
                                                                  {"weir-operation", "parse_json"},
                                                                  {"weir-error", "decode"},
                                                                  {"weir-message", "is no integer"},
                                                                  {"weir-batch", "1500"},
                                                                  {"weir-topic", "orders"},
                                                                  {"weir-partition", "3"},
                                                                  {"weir-offset", "17"}});
}

SCENARIO("what is unknown of a dead letter is left out", "[connectors][kafka]") {
  const auto message = weir::kafka::to_message({.job = "shop"});
  CHECK_FALSE(message.key);
  CHECK_FALSE(message.value);
  CHECK(message.headers.size() == 5);
  const auto sink = weir::kafka::dead_letters({.brokers = "localhost:9092", .topic = "bad"});
  CHECK(sink.traits.parallel);
  CHECK(weir::on_error::dead_letter(sink).check());
}
