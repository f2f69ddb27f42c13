// Counts the words of the lines that a server sends.
//
//   socket_word_count HOST PORT     until SIGINT; try it with `nc -lk 9999` as the server
#include "usage.hpp"

#include <weir/connectors/socket/socket_text_stream.hpp>
#include <weir/main.hpp> // run_until_signal and report: for programs, not for libraries
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string_view>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "socket_word_count HOST PORT", 2, 2))
    return *end;
  const auto port = port_of(argv[2]);
  if (!port)
    return weir::exit_code::bad_usage;
  auto ctx = weir::context::make({.name = "socket_word_count", .batch_interval = 500ms});
  if (!ctx)
    return weir::report(ctx.error());

  weir::socket_text_stream(*ctx, argv[1], *port, {.restarts = {.delay = 100ms, .max_delay = 5s}})
      .flat_map([](std::string_view line) { return weir::split_words(line); })
      .map([](std::string_view word) { return std::pair{word, std::int64_t{1}}; })
      .reduce_by_key(std::plus<>{})
      .print(10);

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
