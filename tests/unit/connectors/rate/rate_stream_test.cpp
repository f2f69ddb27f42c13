// Rows that come by the clock, and rows that come by the batch.
#include <weir/connectors/rate/internal/rate_law.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>
#include <tests/support/jobs.hpp>
#include <tests/support/source_harness.hpp>

using namespace std::chrono_literals;
using weir::event_time;
using weir::rate_row;

namespace weir {
std::ostream& operator<<(std::ostream& out, const rate_row& row) {
  return out << row.value << " at " << row.timestamp.time_since_epoch().count();
}
} // namespace weir

namespace {

using rows = std::vector<rate_row>;
constexpr event_time start{1'767'225'600s}; // of the manual clock

rows by_value(rows all) {
  std::sort(all.begin(), all.end(),
            [](const rate_row& a, const rate_row& b) { return a.value < b.value; });
  return all;
}

/// The rows of `count` batches of one second each.
rows rows_of(weir::test::run_mode how, int count, weir::rate_options options) {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto table = std::make_shared<weir::memory_table<rate_row>>();
  weir::rate_stream(job.context(), options).to(weir::memory_sink(table));
  for (int i = 0; i < count; ++i)
    REQUIRE(job.step());
  return by_value(table->rows());
}

} // namespace

SCENARIO("rows come by the clock, spread evenly over their second", "[connectors][rate]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CHECK(rows_of(how, 2, {.rows_per_second = 3}) == rows{{start, 0},
                                                        {start + 333ms, 1},
                                                        {start + 667ms, 2},
                                                        {start + 1'000ms, 3},
                                                        {start + 1'333ms, 4},
                                                        {start + 1'667ms, 5}});
}

SCENARIO("partition i of n holds every n-th value", "[connectors][rate]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  std::vector<std::vector<std::int64_t>> values(3);
  std::mutex mutex;
  weir::rate_stream(job.context(), {.rows_per_second = 4, .partitions = 3})
      .for_each_partition([&](const weir::partition_view<rate_row>& part) {
        std::lock_guard guard(mutex);
        for (const auto& row : part)
          values[part.id().value].push_back(row.value);
      });
  const auto first = *job.step();
  const auto second = *job.step();
  using ranges = std::vector<weir::offset_range>;
  CHECK(first.sources[0].ranges ==
        ranges{{"rate", 0, 0, 2, 2}, {"rate", 1, 0, 1, 1}, {"rate", 2, 0, 1, 1}});
  CHECK(second.records == 4);
  CHECK(values == std::vector<std::vector<std::int64_t>>{{0, 3, 6}, {1, 4, 7}, {2, 5}});
}

SCENARIO("the ramp rises in equal steps", "[connectors][rate]") {
  // 10 rows/s after 4 s: steps of 10 / 5 = 2
  weir::ramp_law law(10, 4s, start);
  std::vector<std::int64_t> ends;
  for (int second = 0; second <= 7; ++second)
    ends.push_back(law.end_of(second));
  CHECK(ends == std::vector<std::int64_t>{0, 2, 6, 12, 20, 30, 40, 50});
  CHECK(law.timestamp_of(0) == start);
  CHECK(law.timestamp_of(1) == start + 500ms);
  CHECK(law.timestamp_of(2) == start + 1'000ms);
  CHECK(law.timestamp_of(5) == start + 1'750ms);
  CHECK(law.timestamp_of(20) == start + 4'000ms);
  CHECK(law.timestamp_of(3) == start + 1'250ms);
}

SCENARIO("a ramp longer than the rate has no rows before its end", "[connectors][rate]") {
  weir::ramp_law law(2, 5s, start);
  CHECK(law.end_of(5) == 0);
  CHECK(law.end_of(6) == 2);
  CHECK(law.timestamp_of(0) == start + 5s);
  CHECK(law.timestamp_of(1) == start + 5'500ms);
}

SCENARIO("values and timestamps are those of a row-by-row computation", "[connectors][rate]") {
  rc::prop("for any rate, ramp and order of questions", [] {
    const auto rate = *rc::gen::inRange<std::int64_t>(1, 50);
    const auto ramp = *rc::gen::inRange<std::int64_t>(0, 12);
    std::vector<event_time> naive; // by value
    for (std::int64_t second = 1; second <= 20; ++second) {
      const auto count = second <= ramp ? second * (rate / (ramp + 1)) : rate;
      for (std::int64_t row = 0; row < count; ++row)
        naive.push_back(start + std::chrono::milliseconds((second - 1) * 1'000) +
                        std::chrono::milliseconds(std::llround(static_cast<double>(row * 1'000) /
                                                               static_cast<double>(count))));
      weir::ramp_law law(rate, std::chrono::seconds(ramp), start);
      RC_ASSERT(law.end_of(second) == static_cast<std::int64_t>(naive.size()));
    }
    if (naive.empty())
      return;
    weir::ramp_law law(rate, std::chrono::seconds(ramp), start);
    const auto asked = *rc::gen::container<std::vector<std::size_t>>(
        rc::gen::inRange<std::size_t>(0, naive.size()));
    for (const auto value : asked)
      RC_ASSERT(law.timestamp_of(static_cast<std::int64_t>(value)) == naive[value]);
  });
}

SCENARIO("rows do not depend on where batches are cut", "[connectors][rate]") {
  const auto whole = rows_of({}, 6, {.rows_per_second = 7, .ramp_up = 3s, .partitions = 2});
  auto options = weir::test::options_for();
  options.batch_interval = 3s;
  auto job = *weir::testing::stepped_job::make(options);
  auto table = std::make_shared<weir::memory_table<rate_row>>();
  weir::rate_stream(job.context(),
                    {.rows_per_second = 7, .ramp_up = 3s, .partitions = 5, .start = start})
      .to(weir::memory_sink(table));
  REQUIRE(job.step());
  REQUIRE(job.step());
  CHECK(by_value(table->rows()) == whole);
}

SCENARIO("an aborted batch has the same rows again, and a limit leaves the rest as lag",
         "[connectors][rate]") {
  using harness = weir::testing_support::source_harness<rate_row>;
  const auto long_ago = std::chrono::floor<std::chrono::milliseconds>(
      weir::system_clock()->now() - 100s); // so that nothing depends on when the test runs
  harness t(weir::make_rate_source({.rows_per_second = 10, .partitions = 2, .start = long_ago}),
            {.replicas = 2});
  REQUIRE(t.open());
  const auto first = t.run_batch(20, harness::fate::abort);
  CHECK(t.records.empty());
  const auto again = t.run_batch(20);
  REQUIRE(again);
  REQUIRE(again->ranges.size() == 2);
  CHECK(again->ranges[1].from == 0);
  CHECK(again->ranges[1].until == 20);
  CHECK(again->lag() >= 2 * 480);
  rows expected;
  for (int value = 0; value < 40; ++value)
    expected.push_back({long_ago + value * 100ms, value});
  CHECK(by_value(t.records) == expected);
  CHECK(t.run_batch(20)->ranges[0].from == 20);
}

SCENARIO("rows by the batch are the same whatever the clock says", "[connectors][rate]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto table = std::make_shared<weir::memory_table<rate_row>>();
  weir::rate_per_batch_stream(job.context(),
                              {.rows_per_batch = 3, .partitions = 2, .start = event_time(5s)})
      .to(weir::memory_sink(table));
  REQUIRE(job.step());
  job.clock().advance(10s);
  REQUIRE(job.step());
  const auto second = event_time(6s);
  CHECK(by_value(table->rows()) == rows{{event_time(5s), 0},
                                        {event_time(5s), 1},
                                        {event_time(5s), 2},
                                        {second, 3},
                                        {second, 4},
                                        {second, 5}});
}

SCENARIO("rows by the batch: one batch for available_now and once", "[connectors][rate]") {
  const auto trigger = GENERATE(weir::trigger::available_now, weir::trigger::once);
  auto options = weir::test::options_for();
  options.trigger = trigger;
  auto job = *weir::context::make(options);
  auto table = std::make_shared<weir::memory_table<rate_row>>();
  weir::rate_per_batch_stream(job, {.rows_per_batch = 5, .partitions = 3})
      .to(weir::memory_sink(table));
  REQUIRE(job.start());
  REQUIRE(job.await());
  CHECK(table->rows().size() == 5);
  CHECK(table->batches().size() == 1);
}

SCENARIO("available_now reads what is there when the job starts", "[connectors][rate]") {
  auto options = weir::test::options_for();
  options.trigger = weir::trigger::available_now;
  options.clock = std::make_shared<weir::manual_clock>();
  auto job = *weir::context::make(options);
  auto table = std::make_shared<weir::memory_table<rate_row>>();
  weir::rate_stream(job, {.rows_per_second = 2, .start = start - 2s}).to(weir::memory_sink(table));
  REQUIRE(job.start());
  REQUIRE(job.await());
  CHECK(table->rows() ==
        rows{{start - 2'000ms, 0}, {start - 1'500ms, 1}, {start - 1'000ms, 2}, {start - 500ms, 3}});
}

SCENARIO("a batch by number goes back with its rows", "[connectors][rate]") {
  using harness = weir::testing_support::source_harness<rate_row>;
  harness t(weir::make_rate_per_batch_source({.rows_per_batch = 3, .partitions = 2}));
  REQUIRE(t.open());
  REQUIRE(t.run_batch());
  REQUIRE(t.run_batch({}, harness::fate::abort));
  REQUIRE(t.run_batch(1)); // limits do not matter
  std::vector<std::int64_t> values;
  for (const auto& row : by_value(t.records))
    values.push_back(row.value);
  CHECK(values == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5});
}

SCENARIO("a rate stream refuses what cannot work when the job starts", "[connectors][rate]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  const auto ignore = [](const weir::batch_view<rate_row>&) {};
  weir::rate_stream(job.context(), {.rows_per_second = 0}).for_each_batch(ignore);
  weir::rate_stream(job.context(), {.ramp_up = -1s}).for_each_batch(ignore);
  weir::rate_per_batch_stream(job.context(), {.partitions = 0}).for_each_batch(ignore);
  weir::rate_per_batch_stream(job.context(), {.advance = -1ms}).for_each_batch(ignore);
  for (const auto far : {weir::event_time::max(), weir::event_time::min(), weir::event_time(-1ms),
                         weir::event_time(std::chrono::years(300))}) {
    CHECK_FALSE(weir::rate_options{.start = far}.check());
    CHECK_FALSE(weir::rate_per_batch_options{.start = far}.check());
  }
  CHECK_FALSE(weir::rate_per_batch_options{.advance = std::chrono::milliseconds::max()}.check());
  const auto started = job.context().start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(),
             Catch::Contains("rows_per_second is 0, but must be 1 to 10^9") &&
                 Catch::Contains("ramp_up is -1 s") && Catch::Contains("partitions is 0") &&
                 Catch::Contains("advance is -1 ms"));
}
