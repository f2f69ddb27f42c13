// A process that counts the values of a topic with its state in a directory, until it is killed or
// has read everything there is.
//
//   state_worker BROKERS TOPIC GROUP FOLDER RATE
//
// RATE: most records per second; 0: as fast as it can.
#include <weir/connectors/kafka.hpp>
#include <weir/connectors/rocksdb.hpp>
#include <weir/main.hpp>
#include <weir/weir.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (argc != 6)
    return weir::exit_code::bad_usage;
  const double rate = std::atof(argv[5]);
  weir::rate_control_options control{.enabled = false};
  if (rate > 0)
    control.job.ceiling = rate;
  auto ctx = weir::context::make(
      {.name = "counts",
       .batch_interval = 20ms,
       .trigger = rate > 0 ? weir::trigger::every : weir::trigger::available_now,
       .rate_control = control,
       .worker_threads = 2,
       .state = weir::rocksdb::state_in({.directory = argv[4]}),
       .log = [](const weir::log_record& line) {
         std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(line.component.size()),
                      line.component.data(), static_cast<int>(line.message.size()),
                      line.message.data());
       }});
  if (!ctx)
    return weir::report(ctx.error());
  weir::kafka::direct_stream(*ctx, {.brokers = argv[1],
                                    .assign = {{.topic = argv[2]}},
                                    .group = argv[3],
                                    .start = weir::kafka::starting_offsets::earliest()})
      .map([](const weir::kafka::record& r) {
        return std::pair(std::string(r.value.value_or("")), 1);
      })
      .map_with_state<std::int64_t>(
          [](const std::string&, const int* one, weir::keyed_state<std::int64_t>& count) {
            count.update(count.get_option().value_or(0) + *one);
            return count.get();
          })
      .named("counts")
      .for_each_batch([](const auto&) {});
  const auto done = weir::run_until_signal(*ctx);
  return done ? weir::exit_code::ok : weir::report(done.error());
}
