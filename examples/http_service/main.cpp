// weir inside an HTTP service: requests feed a graph, and the graph's state answers them.
//
//   http_service [PORT [CAPACITY]]     until SIGINT or SIGTERM, e.g.
//       curl -d tea localhost:8080/events && sleep 1 && curl localhost:8080/counts/tea
//
// PORT: 0 takes any that is free. CAPACITY: events that may wait to be counted.
#include <weir/main.hpp> // report and exit_code; its signal handling is not used here

#include "../usage.hpp"
#include "counts.hpp"
#include "server.hpp"

#include <weir/connectors/push/inlet.hpp>
#include <weir/weir.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// Counts what comes through `events`; the counts are there when their batch is complete.
void compose(weir::context& job, const weir::inlet<std::string>& events,
             const std::shared_ptr<counts>& known) {
  using counted = std::pair<std::string, std::int64_t>;
  weir::inlet_stream(job, events)
      .map([](const std::string& key) { return counted(key, 1); })
      .reduce_by_key(std::plus<>{})
      .for_each_batch([known](const weir::batch_view<counted>& batch) {
        batch.for_each([&](const counted& one) { known->add(one.first, one.second); });
      });
}

/// Serves until a signal comes.
void serve(std::uint16_t port, weir::inlet<std::string> events, const counts& known) {
  asio::io_context io(1);
  http_server server(io, port,
                     {.post =
                          [&](std::string event) {
                            switch (events.try_push(std::move(event))) {
                            case weir::push_result::taken:
                              return taken::yes;
                            case weir::push_result::closed:
                              return taken::never;
                            default:
                              return taken::later;
                            }
                          },
                      .count = [&](std::string_view key) { return known.of(key); }});
  // The host's own signals: weir installs no handler.
  asio::signal_set signals(io, SIGINT, SIGTERM);
  asio::steady_timer grace(io);
  signals.async_wait([&](const auto&, int) {
    server.stop();
    grace.expires_after(1s); // for answers under way
    grace.async_wait([&](const auto&) { io.stop(); });
  });
  std::printf("listening on 127.0.0.1:%d\n", server.port());
  std::fflush(stdout);
  io.run();
}

} // namespace

int main(int argc, char** argv) {
  if (const auto end = usage(argc, argv, "http_service [PORT [CAPACITY]]", 0, 2))
    return *end;
  const auto port = port_of(argc > 1 ? argv[1] : "8080");
  if (!port)
    return weir::exit_code::bad_usage;
  const std::size_t capacity = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10'000;
  auto job = weir::context::make({.name = "http_service", .batch_interval = 200ms});
  if (!job)
    return weir::report(job.error());
  const weir::inlet<std::string> events({.name = "events", .max_records = capacity});
  const auto known = std::make_shared<counts>();
  compose(*job, events, known);
  if (auto started = job->start(); !started)
    return weir::report(started.error());

  try {
    serve(*port, events, *known);
  } catch (const std::exception& e) { // e.g. the port is taken
    std::fprintf(stderr, "http_service: %s\n", e.what());
    return weir::exit_code::failed;
  }

  // What was accepted is counted before the program ends.
  if (auto stopped = job->stop(30s); !stopped)
    return weir::report(stopped.error());
  std::printf("%lld events counted\n", static_cast<long long>(known->total()));
  return weir::exit_code::ok;
}
