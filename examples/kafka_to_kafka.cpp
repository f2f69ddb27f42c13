// From one Kafka topic to another: words in, words in capitals out, with their keys. At least once:
// offsets are committed when the broker has acknowledged every record of the batch.
//
//   kafka_to_kafka [BROKERS [FROM [TO]]]        until Ctrl-C; default: localhost:9092 lines
//   capitals
#include <weir/connectors/kafka.hpp>

#include "usage.hpp"

#include <weir/main.hpp>
#include <weir/weir.hpp>

#include <algorithm>
#include <string>

namespace {

std::string capitals(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return upper;
}

} // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "kafka_to_kafka [BROKERS [FROM [TO]]]", 0, 3))
    return *end;
  const std::string brokers = argc > 1 ? argv[1] : "localhost:9092";
  auto ctx = weir::context::make({.name = "kafka_to_kafka", .batch_interval = 500ms});
  if (!ctx)
    return weir::report(ctx.error());

  weir::kafka::direct_stream(*ctx, {.brokers = brokers,
                                    .topics = {argc > 2 ? argv[2] : "lines"},
                                    .group = "kafka_to_kafka",
                                    .start = weir::kafka::starting_offsets::earliest()})
      .filter([](const weir::kafka::record& r) { return r.value.has_value(); })
      .map([](const weir::kafka::record& r) {
        weir::kafka::owned_outgoing message;
        if (r.key)
          message.key = std::string(*r.key);
        message.value = capitals(*r.value);
        return message;
      })
      .to(weir::kafka::producer_sink<weir::kafka::owned_outgoing>(
          {.brokers = brokers, .topic = argc > 3 ? argv[3] : "capitals"}));

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
