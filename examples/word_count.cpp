// Counts the words of a Kafka topic in 1 s batches; the PID controller sets the ingest rate.
//
//   word_count [BROKERS [TOPIC]]        until Ctrl-C; default: localhost:9092 lines
#include "usage.hpp"

#include <weir/connectors/kafka.hpp>
#include <weir/main.hpp> // run_until_signal and report: for programs, not for libraries
#include <weir/weir.hpp>

#include <functional>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "word_count [BROKERS [TOPIC]]", 0, 2))
    return *end;
  auto ctx = weir::context::make({
      .name = "word_count",
      .batch_interval = 1s,
      .rate_control = {.gains = {.integral = 0.2, .min_rate = 100}},
  });
  if (!ctx)
    return weir::report(ctx.error());

  weir::kafka::direct_stream(*ctx, {.brokers = argc > 1 ? argv[1] : "localhost:9092",
                                    .topics = {argc > 2 ? argv[2] : "lines"},
                                    .group = "word_count",
                                    .start = weir::kafka::starting_offsets::earliest()})
      .flat_map(
          [](const weir::kafka::record& r) { return weir::split_words(r.value.value_or("")); })
      .map([](std::string_view word) { return std::pair{word, std::int64_t{1}}; })
      .reduce_by_key(std::plus<>{})
      .print(10);

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
