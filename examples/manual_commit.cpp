// Commits in the program's own hands: offsets follow after the program has kept what it needs.
//
//   manual_commit [BROKERS [TOPIC]]        until Ctrl-C; default: localhost:9092 lines
#include "usage.hpp"

#include <weir/connectors/kafka.hpp>
#include <weir/main.hpp>
#include <weir/weir.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "manual_commit [BROKERS [TOPIC]]", 0, 2))
    return *end;
  auto ctx = weir::context::make({.name = "manual_commit", .batch_interval = 500ms});
  if (!ctx)
    return weir::report(ctx.error());

  weir::kafka::offset_committer offsets; // copies share one state
  weir::kafka::direct_stream(*ctx, {.brokers = argc > 1 ? argv[1] : "localhost:9092",
                                    .topics = {argc > 2 ? argv[2] : "lines"},
                                    .group = "manual_commit",
                                    .start = weir::kafka::starting_offsets::earliest(),
                                    .offsets = weir::kafka::offset_commits::manual,
                                    .committer = offsets})
      .map([](const weir::kafka::record& r) { return r.offset; })
      .for_each_batch([offsets](const weir::batch_view<std::int64_t>& batch) mutable {
        if (batch.empty())
          return;
        // Here the program would store its results; a crash before the commit brings the batch
        // again.
        const auto& ranges = batch.offset_ranges();
        const auto queued =
            offsets.commit_async(ranges, [n = batch.size()](const weir::expected<void>& answer) {
              if (answer)
                std::printf("committed %zu records\n", n);
              else
                std::printf("not committed: %s\n", answer.error().message().c_str());
              std::fflush(stdout);
            });
        if (!queued)
          std::printf("not committed: %s\n", queued.error().message().c_str());
      });

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
