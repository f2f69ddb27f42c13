// Counts the words of text files as they appear in a directory.
//
//   watch_directory DIR     until SIGINT; `mv` files in from the same file system, so that they
//                           appear whole
#include "usage.hpp"

#include <weir/main.hpp> // run_until_signal and report: for programs, not for libraries
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string_view>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "watch_directory DIR", 1, 1))
    return *end;
  auto ctx = weir::context::make({.name = "watch_directory", .batch_interval = 500ms});
  if (!ctx)
    return weir::report(ctx.error());

  weir::directory_stream(*ctx, argv[1], {.pattern = "*.txt", .new_files_only = false})
      .flat_map([](std::string_view line) { return weir::split_words(line); })
      .map([](std::string_view word) { return std::pair{word, std::int64_t{1}}; })
      .reduce_by_key(std::plus<>{})
      .print(10);

  const auto done = weir::run_until_signal(*ctx);
  return done ? 0 : weir::report(done.error());
}
