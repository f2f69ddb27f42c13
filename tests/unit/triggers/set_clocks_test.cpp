// Somebody sets the wall clock, ahead or back: rates, windows, timeouts and waits do not notice.
#include "epochs.hpp"

#include <weir/connectors/push/inlet.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::duration;
using weir::rate_row;
using weir::trigger;
using weir::test::every_mode;
using weir::test::options_for;
using weir::test::run_mode;

namespace {

/// By how much, whole intervals or not.
const std::vector<duration> settings = {-1h,   -1h + 3'200ms, -40s, -500ms,    0ms,
                                        900ms, 40s,           1h,   1h + 300ms};

/// Under which they are not noticed: the greater of the interval and a second.
constexpr duration tolerance = 1s;

/// What is logged, from warnings up.
class warnings {
public:
  void listen(weir::context_options& options) {
    options.min_log_level = weir::log_level::warning;
    options.log = [this](const weir::log_record& said) {
      std::lock_guard guard(mutex_);
      texts_.emplace_back(said.message);
    };
  }
  [[nodiscard]] std::vector<std::string> about(std::string_view what) const {
    std::lock_guard guard(mutex_);
    std::vector<std::string> found;
    for (const auto& text : texts_)
      if (text.contains(what))
        found.push_back(text);
    return found;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

struct clocked_run {
  std::vector<weir::batch_report> reports;
  std::vector<std::vector<std::int64_t>> rows; ///< By batch.
  std::vector<std::string> said;
};

/// Steps of one second; before step `at` the wall clock is set by `by`. `build` composes.
template <class Build>
clocked_run run_with(run_mode how, trigger kind, duration by, Build build, int at = 3,
                     int steps = 12) {
  warnings said;
  auto options = options_for(how);
  options.trigger = kind;
  said.listen(options);
  auto job = *weir::testing::stepped_job::make(options);
  auto table = std::make_shared<weir::memory_table<std::int64_t>>();
  auto numbers = std::make_shared<weir::memory_log<std::int64_t>>();
  build(job.context(), numbers).to(weir::memory_sink(table));
  REQUIRE(job.context().start());
  for (int n = 0; n < steps; ++n) {
    numbers->append_all({n, 10 * n});
    if (n == at)
      job.clock().set_wall(by);
    const auto report = job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  }
  clocked_run done{.reports = job.reports(), .rows = {}, .said = said.about("wall clock")};
  for (auto& batch : table->batches())
    done.rows.push_back(weir::test::sorted(std::move(batch.rows)));
  return done;
}

auto values_of(const weir::stream<rate_row>& rows) {
  return rows.map([](const rate_row& row) { return row.value; });
}

} // namespace

SCENARIO("whoever sets the wall clock makes no batch more and none less", "[triggers][clock]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto by = GENERATE(from_range(settings));
  const auto run = run_with(how, trigger::every, by, [](weir::context& to, const auto&) {
    return values_of(weir::rate_stream(to, {.rows_per_second = 10}));
  });
  REQUIRE(run.reports.size() == 12);
  const bool followed = by > tolerance;
  CHECK(run.said.size() == (std::chrono::abs(by) > tolerance));
  std::uint64_t rows = 0;
  for (std::size_t n = 0; n < run.reports.size(); ++n) {
    INFO("batch " << n << " of a run in which the clock was set by " << weir::seconds_of(by));
    const auto& report = run.reports[n];
    CHECK(report.merged_ticks == 0);
    CHECK(report.lateness == 0s);
    CHECK(report.records <= 10);
    rows += report.records;
    CHECK(report.clock_ahead == (n < 3 ? 0s : !followed || n == 3 ? by : 0s));
    CHECK(report.time.time_since_epoch() % 1s == 0s);
    if (n > 0 && !(followed && n == 4))
      CHECK(report.time - run.reports[n - 1].time == 1s);
    if (followed && n == 4)
      CHECK(std::chrono::abs(report.time - run.reports[n - 1].time - by) <= 1s);
  }
  const std::uint64_t passed = followed && by % 1s != 0s ? 11 : 12; // the interval behind it is cut
  CHECK(rows == passed * 10);
}

SCENARIO("windows in batch time count intervals that have passed, whatever the wall clock says",
         "[triggers][clock]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto kind = GENERATE(trigger::every, trigger::continuous);
  const auto build = [](weir::context& to, const auto& numbers) {
    return weir::memory_stream(to, numbers).window(4s, 2s).reduce(std::plus<>{});
  };
  const auto right = run_with(how, kind, 0s, build);
  for (const duration by : {duration(-1h), duration(-40s), duration(40s), duration(1h)}) {
    const auto run = run_with(how, kind, by, build);
    INFO("set by " << weir::seconds_of(by));
    CHECK(run.rows == right.rows);
  }
}

SCENARIO("what is pushed is in the next batch, whatever the wall clock says",
         "[triggers][clock][push]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto kind = GENERATE(trigger::every, trigger::continuous);
  const auto by = GENERATE(from_range(settings));
  auto options = options_for(how);
  options.trigger = kind;
  auto job = *weir::testing::stepped_job::make(options);
  weir::inlet<int> in;
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  REQUIRE(job.context().start());
  for (int n = 0; n < 6; ++n) {
    if (n == 2)
      job.clock().set_wall(by);
    REQUIRE(in.push(n));
    REQUIRE(job.step());
  }
  REQUIRE(job.step()); // a block that was cut at another time than its batch
  std::vector<int> rows = table->rows();
  CHECK(rows == std::vector{0, 1, 2, 3, 4, 5});
}

SCENARIO("state ages by the time that has passed", "[triggers][clock][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const duration by = GENERATE(duration(-1h), duration(1h));
  const bool forgets = GENERATE(false, true); // ttl, or a timeout
  auto job = *weir::testing::stepped_job::make(options_for(how));
  auto log = std::make_shared<weir::memory_log<std::pair<int, int>>>();
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log)
      .map_with_state<int>(
          [](int, const int* value, weir::keyed_state<int>& sum) {
            if (!value)
              return -1;
            sum.update(sum.get_option().value_or(0) + *value);
            return sum.get();
          },
          {.timeout = forgets ? 0s : 5s, .ttl = forgets ? 5s : 0s})
      .to(weir::memory_sink(table));
  log->append({1, 10});
  REQUIRE(job.step());
  job.clock().set_wall(by);
  for (int n = 0; n < 4; ++n)
    REQUIRE(job.step());
  log->append({1, 1}); // 5 s later, not more
  REQUIRE(job.step());
  for (int n = 0; n < 8; ++n)
    REQUIRE(job.step());
  if (forgets)
    log->append({1, 100});
  REQUIRE(job.step());
  CHECK(table->rows() == (forgets ? std::vector{10, 11, 100} : std::vector{10, 11, -1}));
}

SCENARIO("an in-line job is due within an interval, whatever the wall clock says",
         "[triggers][clock]") {
  const auto kind = GENERATE(trigger::every, trigger::continuous);
  const auto by = GENERATE(from_range(settings));
  auto options = options_for();
  options.trigger = kind;
  auto job = *weir::testing::stepped_job::make(options);
  weir::memory_stream(job.context(), std::make_shared<weir::memory_log<int>>())
      .for_each_batch([](auto&&) {});
  REQUIRE(job.step());
  job.clock().set_wall(by);
  for (int n = 0; n < 100; ++n) {
    (void)job.context().run_ready();
    REQUIRE(job.context().next_due() <= 1s);
    job.clock().advance(job.context().next_due());
  }
}

SCENARIO("times of batches that do not follow the clock still rise", "[triggers][clock]") {
  const auto by = GENERATE(from_range(settings));
  auto options = options_for();
  options.trigger = trigger::available_now;
  options.rate_control.partition.ceiling = 10;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  for (int n = 0; n < 50; ++n)
    log->append(n);
  weir::memory_stream(job.context(), log).for_each_batch([&](auto&&) {
    if (by != 0s && job.clock().now() < weir::wall_time(2'000'000'000s))
      job.clock().set_wall(by);
  });
  REQUIRE(job.context().start());
  REQUIRE(job.context().await());
  const auto reports = job.reports();
  REQUIRE(reports.size() > 3);
  for (std::size_t n = 1; n < reports.size(); ++n)
    CHECK(reports[n].time > reports[n - 1].time);
}
