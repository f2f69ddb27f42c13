// Counts what is in the topic, from its beginning, until a signal comes.
#include "run.hpp"
#include "runs.hpp"
#include "text.hpp"

#include <weir/main.hpp>

#include <fmt/format.h>

namespace impressions {

namespace {

using namespace std::chrono_literals;

weir::expected<int> count_until_signal(run& now) {
  auto price =
      now.with.capacity > 0
          ? std::make_shared<toll>(now.with.capacity, now.with.calm ? 0.0 : toll::usual_noise)
          : nullptr;
  if (auto started = now.start(weir::kafka::starting_offsets::earliest(), std::move(price));
      !started)
    return std::move(started).error();
  while (!weir::signal_received()) {
    if (const auto ended = now.await_for(100ms); !ended)
      return ended.error();
    now.shown.progress(fmt::format("counted {}  unread {}", grouped(now.totals->total()),
                                   grouped(now.figures->last().value_or(batch_figures{}).lag)));
  }
  now.shown.progress("stopping: finishing planned batches; Ctrl-C again leaves at once");
  auto stopped = now.stop();
  if (!stopped)
    return stopped;
  now.show_last_ranges();
  std::int64_t read = 0;
  for (const auto& batch : now.figures->batches())
    read += static_cast<std::int64_t>(batch.records);
  const auto counted = now.totals->total();
  now.shown.heading(fmt::format("\nverdict: {} records read, {} counted: {}", grouped(read),
                                grouped(counted), read == counted ? "in = out" : "in is not out"));
  return read == counted ? stopped : weir::exit_code::check_failed;
}

} // namespace

int run_without_load(const settings& with, terminal& shown) {
  weir::install_signal_handlers();
  auto now = run::make(with, shown);
  if (!now)
    return fail(shown, now.error());
  const auto code = count_until_signal(*now);
  return code ? *code : fail(shown, code.error());
}

} // namespace impressions
