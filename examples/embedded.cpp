// weir inside a program of its own: records from memory, results into the program's own code.
//
//   embedded        ends by itself
#include "usage.hpp"

#include <weir/main.hpp> // report
#include <weir/weir.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "embedded"))
    return *end;
  // available_now: read what is there in as many batches as the rate allows, then stop.
  auto ctx = weir::context::make(
      {.name = "embedded", .batch_interval = 100ms, .trigger = weir::trigger::available_now});
  if (!ctx)
    return weir::report(ctx.error());

  auto readings = std::make_shared<weir::memory_log<int>>(2); // two partitions
  readings->append_all({21, 35, 19}, 0);
  readings->append_all({40, 22}, 1);

  int hot = 0;
  weir::memory_stream(*ctx, readings)
      .filter([](int celsius) { return celsius > 30; })
      .for_each_batch([&hot](const weir::batch_view<int>& batch) {
        batch.for_each([&hot](int celsius) {
          std::printf("%d is hot\n", celsius);
          ++hot;
        });
      });

  if (auto started = ctx->start(); !started)
    return weir::report(started.error());
  if (auto ended = ctx->await(); !ended) // the program could do something else meanwhile
    return weir::report(ended.error());
  std::printf("%d of 5 readings are hot\n", hot);
  return 0;
}
