// A program that drives weir itself: its own loop runs the job, on the one thread it has, and takes
// each answer before it reads the next line.
//
//   host_driven LINE...        prints the words longer than three letters, with their lengths
#include "usage.hpp"

#include <weir/connectors/outlet.hpp>
#include <weir/main.hpp> // report; its signal handling is not used here
#include <weir/weir.hpp>

#include <chrono>
#include <climits>
#include <cstdio>
#include <string>
#include <utility>

int main(int argc, char** argv) {
  if (const auto end = usage(argc, argv, "host_driven LINE...", 0, INT_MAX))
    return *end;
  // continuous: a line is answered at once, not at the end of a batch interval.
  auto ctx = weir::context::make({.name = "host_driven",
                                  .trigger = weir::trigger::continuous,
                                  .rate_control = {.enabled = false}, // the loop sets the pace
                                  .executor = weir::executor_kind::in_line});
  if (!ctx)
    return weir::report(ctx.error());

  using measured = std::pair<std::string, std::size_t>;
  const auto lines = std::make_shared<weir::memory_log<std::string>>();
  const weir::outlet<measured> answers;
  weir::memory_stream(*ctx, lines)
      .flat_map([](const std::string& line) { return weir::split_words(line); })
      .filter([](std::string_view word) { return word.size() > 3; })
      .map([](std::string_view word) { return measured(word, word.size()); })
      .to(answers.sink());
  if (auto started = ctx->start(); !started)
    return weir::report(started.error());

  std::size_t all = 0;
  for (int i = 1; i < argc; ++i) {
    lines->append(argv[i]);
    while (ctx->run_ready() && ctx->next_due() == std::chrono::nanoseconds::zero()) {
    } // everything that can be done now, on this thread, in slices of 10 ms
    for (; const auto answer = answers.try_pop(); ++all)
      std::printf("%s %zu\n", answer->first.c_str(), answer->second);
  }
  if (auto stopped = ctx->stop(); !stopped)
    return weir::report(stopped.error());
  std::printf("%zu words\n", all);
  return 0;
}
