// A server of somebody else's: a job on its io_context, fed and read by a coroutine. With RocksDB
// what it has counted survives a restart.
//
//   consumer_server DIRECTORY
#include <weir/connectors/asio.hpp>
#include <weir/main.hpp>
#include <weir/weir.hpp>
#ifndef WITH_ROCKSDB
#define WITH_ROCKSDB 0
#endif
#if WITH_ROCKSDB
#include <weir/connectors/rocksdb.hpp>
#endif

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>

namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using visit = std::pair<std::string, int>;

/// Starts the job, counts one visit, and stops it. @returns how many there were.
weir::expected<int> serve_one([[maybe_unused]] const std::string& directory) {
  weir::context_options options{
      .name = "server", .batch_interval = 5ms, .executor = weir::executor_kind::in_line};
#if WITH_ROCKSDB
  options.state = weir::rocksdb::state_in({.directory = directory});
#endif
  auto job = weir::context::make(options);
  if (!job)
    return std::move(job).error();
  const weir::inlet<visit> visits;
  const weir::outlet<int> counts;
  weir::inlet_stream(*job, visits)
      .map_with_state<int>([](const std::string&, const int* n, weir::keyed_state<int>& sum) {
        sum.update(sum.get_option().value_or(0) + *n);
        return sum.get();
      })
      .named("visits")
      .to(counts.sink());

  asio::io_context io;
  weir::expected<void> ended;
  asio::co_spawn(io, weir::asio::run(*job),
                 [&](std::exception_ptr, weir::expected<void> how) { ended = std::move(how); });
  int counted = 0;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        if (co_await weir::asio::push(visits, visit("hall", 1)))
          counted = (co_await weir::asio::pop(counts)).value_or(0);
        job->request_stop();
      },
      asio::detached);
  io.run_for(10s);
  if (!ended)
    return std::move(ended).error();
  return counted;
}

} // namespace

int main(int, char** argv) {
  for (int run = 1; run <= 2; ++run) {
    const auto counted = serve_one(argv[1]);
    if (!counted)
      return weir::report(counted.error());
    if (const int expected = WITH_ROCKSDB ? run : 1; *counted != expected) {
      std::cerr << "run " << run << " counted " << *counted << " visits\n";
      return 1;
    }
  }
}
