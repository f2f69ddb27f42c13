// Counts many records in a single batch, without the costly operator and without a rate limit.
#include "load.hpp"
#include "run.hpp"
#include "runs.hpp"
#include "text.hpp"

#include <weir/main.hpp>

#include <fmt/format.h>

namespace impressions {

namespace {

using namespace std::chrono_literals;

/// A production cluster of Spark Streaming needed this long for a batch of as many records.
constexpr std::int64_t reference_records = 545'884;
constexpr auto reference_time = 51s;

/// Fills the topic. @returns the number of records, fewer than wanted when a signal came.
weir::expected<std::int64_t> fill(run& now) {
  load_generator load(writing(now.with, now.at), now.at.partitions,
                      {{.name = "fill", .records = now.with.one_batch}});
  if (auto started = load.start(); !started)
    return std::move(started).error();
  while (!load.finished()) {
    if (weir::signal_received())
      load.stop();
    now.shown.progress(fmt::format("filling the topic: {} of {}", grouped(load.sent()),
                                   grouped(now.with.one_batch)));
    std::this_thread::sleep_for(50ms);
  }
  now.shown.clear();
  return load.acknowledged();
}

weir::expected<int> count_once(run& now) {
  // A topic of the user may hold records already; the embedded cluster cannot look up by time.
  const auto from =
      now.at.embedded
          ? weir::kafka::starting_offsets::earliest()
          : weir::kafka::starting_offsets::at_time(
                std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
  const auto in = fill(now);
  if (!in)
    return weir::error(in.error()).with("filling the topic");
  if (weir::signal_received()) {
    now.shown.line(fmt::format(
        "stopped by a signal while the topic was filled: {} records are in it, none was counted",
        grouped(*in)));
    return weir::exit_code::data_left;
  }
  now.shown.line(fmt::format("{} records in the topic\n", grouped(*in)));
  if (auto started = now.start(from, nullptr); !started)
    return std::move(started).error();
  for (;;) {
    const auto ended = now.await_for(100ms);
    if (!ended)
      return ended.error();
    if (*ended || weir::signal_received())
      break;
  }
  auto stopped = now.stop();
  if (!stopped)
    return stopped;
  now.show_last_ranges();
  const auto batches = now.figures->batches();
  const auto out = now.totals->total();
  if (batches.size() != 1 || out != *in) {
    now.shown.heading(fmt::format("\nverdict: not held: in {}, out {}, in {} batches", grouped(*in),
                                  grouped(out), batches.size()));
    return weir::exit_code::check_failed;
  }
  const auto took = batches.front().processing_time;
  now.shown.line(fmt::format("\none batch of {} records took {}, {} records/s", grouped(out),
                             seconds(took),
                             grouped(static_cast<double>(out) / weir::seconds_of(took))));
  now.shown.line(
      fmt::format("a production cluster of Spark Streaming is known to have needed {} s for {}",
                  reference_time.count(), grouped(reference_records)));
  now.shown.heading("\nverdict: held, in = out");
  return stopped;
}

} // namespace

int run_one_batch(const settings& with, terminal& shown) {
  weir::install_signal_handlers();
  auto now =
      run::make(with, shown, {.trigger = weir::trigger::once, .rate_control = {.enabled = false}});
  if (!now)
    return fail(shown, now.error());
  const auto code = count_once(*now);
  return code ? *code : fail(shown, code.error());
}

} // namespace impressions
