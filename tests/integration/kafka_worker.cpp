// One member of a group, as a process that a test can stop, freeze and kill: copies a topic, one
// message per record whose value names where the record came from.
//
//   kafka_worker BROKERS FROM TO GROUP [receiver [FOLDER]]
//
// With the word `receiver` it reads by a receiver stream, with a write-ahead log if a folder is
// given.
#include <weir/connectors/kafka.hpp>
#include <weir/main.hpp>
#include <weir/weir.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (argc < 5 || argc > 7)
    return weir::exit_code::bad_usage;
  auto ctx = weir::context::make(
      {.name = "worker",
       .batch_interval = 100ms,
       .worker_threads = 1,
       .log = [](const weir::log_record& line) {
         std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(line.component.size()),
                      line.component.data(), static_cast<int>(line.message.size()),
                      line.message.data());
       }});
  if (!ctx)
    return weir::report(ctx.error());
  const std::map<std::string, std::string> properties = {{"session.timeout.ms", "3000"},
                                                         {"heartbeat.interval.ms", "300"}};
  weir::push_options push{.name = "worker"};
  if (argc > 6)
    push.write_ahead_log = weir::write_ahead<weir::kafka::record>(argv[6]);
  auto read =
      argc > 5
          ? weir::kafka::receiver_stream(*ctx, {.brokers = argv[1],
                                                .topics = {argv[2]},
                                                .group = argv[4],
                                                .from_beginning = true,
                                                .properties = properties,
                                                .push = push,
                                                .restarts = {.delay = 500ms}})
          : weir::kafka::direct_stream(*ctx, {.brokers = argv[1],
                                              .topics = {argv[2]},
                                              .group = argv[4],
                                              .start = weir::kafka::starting_offsets::earliest(),
                                              .properties = properties});
  read.map([](const weir::kafka::record& r) {
        return weir::kafka::owned_outgoing{.value = fmt::format("{}:{}", r.partition, r.offset)};
      })
      .to(weir::kafka::producer_sink<weir::kafka::owned_outgoing>(
          {.brokers = argv[1], .topic = argv[3]}));
  const auto done = weir::run_until_signal(*ctx);
  return done ? weir::exit_code::ok : weir::report(done.error());
}
