// Steady load, a surge of four times what the job can do, steady load again, and the verdict.
#include "load.hpp"
#include "run.hpp"
#include "runs.hpp"
#include "text.hpp"

#include <weir/main.hpp>

#include <fmt/format.h>

#include <atomic>

namespace impressions {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr double noise = 0.1;      ///< Relative, of the costly operator's time.
constexpr auto stall_for = 1500ms; ///< Once in the surge and once after it.

/// How long the job needs to work off what the surge and the stalls leave, to be seen steady after
/// the second one, and 5 s.
std::chrono::milliseconds recovery(const settings& with) {
  const auto stalled = with.calm ? 0ms : 2 * stall_for;
  const auto unread =
      std::max<std::int64_t>(0, with.surge - with.capacity) * with.surge_for.count() +
      with.capacity * stalled.count();
  const auto steady =
      with.calm ? 0ms : stall_for + static_cast<int>(verdict::most_batches) * with.interval;
  return std::max(std::chrono::milliseconds(unread / (with.capacity - with.steady)), 2 * steady) +
         5s;
}

std::vector<phase> phases(const settings& with) {
  const auto make = [](const char* name, std::int64_t rate, std::chrono::milliseconds length) {
    return phase{.name = name, .records = rate * length.count() / 1000, .length = length};
  };
  return {make("steady", with.steady, with.warm_up), make("surge", with.surge, with.surge_for),
          make("steady again", with.steady, recovery(with))};
}

/// Tells of each phase as it begins, and remembers when. Thread-safe but for `shown`.
class phase_watch {
public:
  explicit phase_watch(terminal& shown) : shown_(shown) {}

  void began(const phase& now) {
    const auto at = std::chrono::system_clock::now().time_since_epoch();
    if (now.name == "surge")
      surge_began_.store(at);
    else if (now.name == "steady again")
      again_began_.store(at);
    shown_.heading(fmt::format("-- {}: {} records/s for {} s", now.name, grouped(now.rate()),
                               static_cast<double>(now.length.count()) / 1000));
  }
  [[nodiscard]] weir::wall_time surge_began() const { return weir::wall_time(surge_began_.load()); }
  /// Of the steady load after the surge.
  [[nodiscard]] weir::wall_time again_began() const { return weir::wall_time(again_began_.load()); }

private:
  terminal& shown_;
  std::atomic<weir::duration> surge_began_{weir::duration::max()};
  std::atomic<weir::duration> again_began_{weir::duration::max()};
};

/// Stalls the costly operator once in the middle of the surge and once in the middle of what
/// follows.
class trouble {
public:
  trouble(const settings& with, std::shared_ptr<toll> counter, const phase_watch& phases,
          terminal& shown)
      : counter_(std::move(counter)), phases_(phases), shown_(shown),
        into_surge_(with.surge_for / 2), into_rest_(recovery(with) / 2), calm_(with.calm) {}

  /// Called often.
  void when_due() {
    if (calm_ || stalls_.size() == 2)
      return;
    const auto begun = stalls_.empty() ? phases_.surge_began() : phases_.again_began();
    const auto now = std::chrono::system_clock::now();
    if (begun == weir::wall_time::max() ||
        now < begun + (stalls_.empty() ? into_surge_ : into_rest_))
      return;
    counter_->stall(stall_for);
    stalls_.push_back(
        {.name = stalls_.empty() ? "the stall in the surge" : "the stall after the surge",
         .begin = now,
         .end = now + stall_for});
    shown_.heading(fmt::format("-- {}: nobody is served for {} s", stalls_.back().name,
                               static_cast<double>(stall_for.count()) / 1000));
  }

  /// The surge and the stalls.
  [[nodiscard]] std::vector<disturbance> all() const {
    std::vector<disturbance> all{{.name = "the surge's start",
                                  .begin = phases_.surge_began(),
                                  .end = phases_.surge_began()}};
    all.insert(all.end(), stalls_.begin(), stalls_.end());
    return all;
  }

private:
  std::shared_ptr<toll> counter_;
  const phase_watch& phases_;
  terminal& shown_;
  std::chrono::milliseconds into_surge_;
  std::chrono::milliseconds into_rest_;
  bool calm_;
  std::vector<disturbance> stalls_;
};

void show_progress(run& now, const load_generator& load) {
  const auto last = now.figures->last().value_or(batch_figures{});
  now.shown.progress(fmt::format("produced {}  counted {}  unread {} ({} in one partition)",
                                 grouped(load.sent()), grouped(now.totals->total()),
                                 grouped(last.lag), grouped(last.worst_lag)));
}

/// Whether there is more to wait for: false on a signal, and when the load is over and counted or
/// nothing of it is counted any more.
class follower {
public:
  weir::expected<bool> go_on(run& now, const load_generator& load) {
    show_progress(now, load);
    if (const auto ended = now.await_for(100ms); !ended)
      return ended.error();
    if (weir::signal_received())
      return false;
    if (clock::now() >= next_check_) {
      next_check_ = clock::now() + 1s;
      if (auto kept = now.at.check_retention(now.figures->read()); !kept)
        return std::move(kept).error();
    }
    if (!load.finished())
      return true;
    if (!load.acknowledged())
      return weir::error(load.acknowledged().error()).with("the load");
    const auto out = now.totals->total();
    if (out != counted_) {
      counted_ = out;
      counted_at_ = clock::now();
    }
    const bool all = out == *load.acknowledged() && now.figures->last()->lag == 0;
    return !all && clock::now() - counted_at_ < patience;
  }

private:
  static constexpr auto patience = 15s; ///< For a next batch.

  clock::time_point next_check_ = clock::now();
  clock::time_point counted_at_ = clock::now();
  std::int64_t counted_ = -1;
};

void show(terminal& shown, const verdict& v) {
  shown.line("");
  shown.heading("Under the surge");
  for (const auto& d : v.disturbances)
    shown.line(fmt::format("  under control  {} batches after {} (at most {}): no scheduling delay "
                           "above {} from then on",
                           d.settled_after, d.name, verdict::most_batches,
                           seconds(v.allowed_delay)));
  shown.line(fmt::format("  worst delay    {} scheduling, {} in total",
                         seconds(v.worst_scheduling_delay), seconds(v.worst_total_delay)));
  shown.line(fmt::format("  unread         at most {} ({} in one partition), {} at the end",
                         grouped(v.peak_lag), grouped(v.peak_partition_lag),
                         grouped(v.lag_at_end)));
  shown.line(fmt::format("  records        in {} acknowledged, out {} counted", grouped(v.in),
                         grouped(v.out)));
}

void show_top(terminal& shown, const tally& totals) {
  std::string line = "  top offers    ";
  for (const auto& [offer, count] : totals.top(5))
    line += fmt::format(" {}: {};", offer, grouped(count));
  line.pop_back();
  shown.line(line);
}

/// The end: everything planned is counted, tables and verdict are shown.
weir::expected<int> finish(run& now, load_generator& load, std::vector<disturbance> disturbances) {
  const bool interrupted = weir::signal_received();
  if (interrupted)
    now.shown.progress("stopping: finishing planned batches; Ctrl-C again leaves at once");
  load.stop();
  auto stopped = now.stop();
  if (!stopped)
    return stopped;
  now.show_last_ranges();
  const auto out = now.totals->total();
  if (interrupted) {
    now.shown.line(fmt::format(
        "\nverdict: none, stopped by a signal; {} of {} records counted, the rest is unread",
        grouped(out), grouped(load.sent())));
    return stopped;
  }
  const auto v = judge(now.figures->batches(), now.with.interval, std::move(disturbances),
                       *load.acknowledged(), out);
  show(now.shown, v);
  show_top(now.shown, *now.totals);
  now.shown.heading("\n" + v.line());
  return v.held() ? *stopped : weir::exit_code::check_failed;
}

weir::expected<int> run_all(run& now) {
  phase_watch watch(now.shown);
  now.shown.line(fmt::format("a batch every {} ms; the job can do {} records/s{}\n",
                             now.with.interval.count(), grouped(now.with.capacity),
                             now.with.calm ? "" : " on average, +-10 % from batch to batch"));
  const auto counter =
      std::make_shared<toll>(now.with.capacity, now.with.calm ? 0.0 : toll::usual_noise);
  trouble stalls(now.with, counter, watch, now.shown);
  // What was in the topic before is left alone: the load begins when the job has begun to read.
  if (auto started = now.start(weir::kafka::starting_offsets::latest(), counter); !started)
    return std::move(started).error();
  load_generator load(writing(now.with, now.at), now.at.partitions, phases(now.with));
  while (!now.figures->last() && !weir::signal_received())
    if (const auto ended = now.await_for(20ms); !ended)
      return ended.error();
  if (!weir::signal_received())
    if (auto started = load.start([&watch](const phase& p) { watch.began(p); }); !started)
      return std::move(started).error();
  for (follower follow; !weir::signal_received();) {
    stalls.when_due();
    const auto more = follow.go_on(now, load);
    if (!more)
      return more.error();
    if (!*more)
      break;
  }
  return finish(now, load, stalls.all());
}

} // namespace

int run_surge(const settings& with, terminal& shown) {
  weir::install_signal_handlers();
  auto now = run::make(with, shown, {.rate_control = {.enabled = !with.no_rate_control}});
  if (!now)
    return fail(shown, now.error());
  const auto code = run_all(*now);
  return code ? *code : fail(shown, code.error());
}

} // namespace impressions
