// Dead letters as Kafka messages.
#include "source_fixture.hpp"

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

SCENARIO("a letter that is too large is cut, and says how large it was", "[connectors][kafka]") {
  const auto whole = weir::kafka::to_message({.job = "shop",
                                              .message = std::string(5'000, 'm'),
                                              .timestamp = weir::event_time(7ms),
                                              .key = std::string(2'000, 'k'),
                                              .value = std::string(5'000'000, 'v'),
                                              .headers = {{"trace", std::string(9'000, 't')}}});
  const auto cut = weir::kafka::shorten_letter(whole);
  CHECK(cut.key == std::string(1'024, 'k'));
  CHECK(cut.value == std::string(1'024, 'v'));
  CHECK(cut.timestamp == weir::event_time(7ms));
  const auto header = [&](std::string_view name) {
    const auto found = std::ranges::find(cut.headers, name, &weir::kafka::owned_header::name);
    return found == cut.headers.end() ? "(none)" : found->value.value_or("(null)");
  };
  CHECK(header("weir-job") == "shop");
  CHECK(header("weir-message") == std::string(1'024, 'm'));
  CHECK(header("weir-key-bytes") == "2000");
  CHECK(header("weir-value-bytes") == "5000000");
  CHECK(header("weir-headers-left-out") == "1");
  CHECK(header("trace") == "(none)");
  const auto null = weir::kafka::shorten_letter(weir::kafka::to_message({.job = "shop"}));
  CHECK_FALSE(null.key);
  CHECK_FALSE(null.value);
}

namespace {

/// One batch of a sink on its own. @returns its failure, if any.
template <class T>
weir::expected<void> write_batch(const weir::sink_factory<T>& factory,
                                 const std::vector<T>& records) {
  auto sink = factory.make();
  weir::replica_context env;
  env.wake = [] {};
  env.log = [](weir::log_level, std::string_view) {};
  if (auto opened = sink->open(env); !opened)
    return opened;
  std::size_t written = 0;
  for (int i = 0; i < 10'000; ++i) {
    auto done =
        sink->write({.partition = weir::partition_id(0), .records = records, .data = {}}, written);
    if (done && *done == weir::progress::done)
      done = sink->prepare();
    if (!done)
      return std::move(done).error();
    if (*done == weir::progress::done)
      return {};
    std::this_thread::sleep_for(1ms);
  }
  return weir::error(weir::errc::timed_out, "the broker does not acknowledge");
}

} // namespace

SCENARIO("a letter that the client refuses as too large is sent cut", "[connectors][kafka]") {
  const auto broker = weir::kafka::broker_with("bad", 1);
  const auto sink = weir::kafka::dead_letters({.brokers = broker.bootstrap(),
                                               .topic = "bad",
                                               .properties = {{"message.max.bytes", "5000"}}});
  const auto done = write_batch<weir::dead_letter>(
      sink, {{.job = "a", .value = "fits"}, {.job = "b", .value = std::string(100'000, 'v')}});
  INFO((done ? std::string() : done.error().to_string()));
  REQUIRE(done);
  CHECK(broker.watermarks("bad", 0)->high == 2);
}

SCENARIO("a record that is too large is named with its size, its key and the limit",
         "[connectors][kafka]") {
  const auto broker = weir::kafka::broker_with("out", 1);
  const auto sink = weir::kafka::producer_sink<weir::kafka::owned_outgoing>(
      {.brokers = broker.bootstrap(),
       .topic = "out",
       .properties = {{"message.max.bytes", "5000"}}});
  const auto done = write_batch<weir::kafka::owned_outgoing>(
      sink, {{.key = "fits", .value = "x"}, {.key = "order 7", .value = std::string(9'993, 'v')}});
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().message(),
             Catch::Contains("a record of 10000 bytes (key \"order 7\", value of 9993 bytes") &&
                 Catch::Contains("to out") && Catch::Contains("message.max.bytes is 5000"));
}

SCENARIO("a batch that inflates beyond the client's limit names the property and its size",
         "[connectors][kafka]") {
  const auto broker = weir::kafka::broker_with("big", 1);
  REQUIRE(write_batch<weir::kafka::owned_outgoing>(
      weir::kafka::producer_sink<weir::kafka::owned_outgoing>(
          {.brokers = broker.bootstrap(),
           .topic = "big",
           .properties = {{"message.max.bytes", "20000000"}, {"compression.type", "zstd"}}}),
      {{.value = std::string(15'000'000, '0')}}));
  auto job = *weir::context::make({.name = "big", .executor = weir::executor_kind::in_line});
  auto options = weir::kafka::reading(broker, "big");
  options.properties = {{"receive.message.max.bytes", "9000000"}};
  weir::kafka::direct_stream(job, options).for_each_batch([](const auto&) {});
  REQUIRE(job.start());
  const auto ended = job.await_for(20s);
  REQUIRE_FALSE(ended);
  CHECK_THAT(ended.error().to_string(), Catch::Contains("receive.message.max.bytes is 9000000") &&
                                            Catch::Contains("when it is inflated: raise that"));
}
