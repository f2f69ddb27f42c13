// assign_timestamps: times stay with records, watermarks come from completed batches, and what has
// no valid time follows the error policy.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::event_time;
using weir::timed;
using weir::watermark;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;

namespace {

const auto as_milliseconds = [](int n) { return event_time(std::chrono::milliseconds(n)); };

timed<int> of(int time, int value) { return {as_milliseconds(time), value}; }

/// The watermark that each batch of numbers, which are their own times, ran with.
std::vector<watermark> marks_of(weir::context_options options,
                                const std::vector<partitioned<int>>& batches,
                                weir::watermark_options how = {}) {
  auto job = *weir::testing::stepped_job::make(std::move(options));
  auto log = std::make_shared<weir::memory_log<int>>(2);
  weir::memory_stream(job.context(), log)
      .assign_timestamps(as_milliseconds, how)
      .count()
      .for_each_batch([](const auto&) {});
  std::vector<watermark> marks;
  for (const auto& batch : batches) {
    weir::test::append(*log, batch);
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE(report->watermarks.size() == 1);
    marks.push_back(report->watermarks[0].mark);
  }
  return marks;
}

} // namespace

SCENARIO("steps see the value of a timed record, and the time stays with it",
         "[operators][event_time]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, {{{1, 2, 3}, {4}}},
                     [](auto in) {
                       return in.assign_timestamps(as_milliseconds)
                           .filter([](int n) { return n > 1; })
                           .map([](int n) { return n * 10; })
                           .flat_map([](int n) { return std::vector<int>{n, n + 1}; })
                           .inspect([](int) {});
                     }) == std::vector<std::vector<timed<int>>>{
                               {of(2, 20), of(2, 21), of(3, 30), of(3, 31), of(4, 40), of(4, 41)}});
  using entry = std::pair<int, int>;
  CHECK(rows_of<int>(how, {{{1}, {2}}},
                     [](auto in) {
                       return in.assign_timestamps(as_milliseconds)
                           .map([](int n) { return entry(n, n); })
                           .map_values([](int n) { return n + 1; })
                           .flat_map_values([](int n) { return std::vector<int>{n, -n}; })
                           .filter([](const entry& e) { return e.second < 0; });
                     }) == std::vector<std::vector<timed<entry>>>{
                               {{as_milliseconds(1), {1, -2}}, {as_milliseconds(2), {2, -3}}}});
}

SCENARIO("a batch runs with the watermark of the batches before it", "[operators][event_time]") {
  const auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  CHECK(marks_of(options, {{{10, 30}, {20}}, {{5}, {}}, {{50}, {}}, {{}, {40}}, {{}, {}}},
                 {.max_out_of_orderness = 3ms}) ==
        std::vector<watermark>{watermark::min(), as_milliseconds(17), as_milliseconds(17),
                               as_milliseconds(17), as_milliseconds(37)});
}

SCENARIO("an idle partition no longer holds the watermark back", "[operators][event_time]") {
  const auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  CHECK(marks_of(options, {{{10}, {}}, {{20}, {}}, {{30}, {}}, {{}, {15}}, {{}, {}}},
                 {.idle_after = 2s}) ==
        std::vector<watermark>{watermark::min(), watermark::min(), as_milliseconds(20),
                               as_milliseconds(30), as_milliseconds(30)});
}

SCENARIO("a record without a valid time follows the error policy", "[operators][event_time]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.on_error = weir::on_error::drop;
  const auto odd_only = [](int n) {
    return n % 2 ? std::optional(as_milliseconds(n)) : std::nullopt;
  };
  CHECK(rows_of<int>(options, {{{1, 2, -3}, {5}}}, [&](auto in) {
          return in.assign_timestamps(odd_only);
        }) == std::vector<std::vector<timed<int>>>{{of(1, 1), of(5, 5)}});
  // One clock that is wrong by a day moves nothing.
  const auto day_off = [](int n) {
    return weir::wall_time(std::chrono::seconds(1'767'225'600) + std::chrono::hours(n));
  };
  CHECK(rows_of<int>(
            options, {{{1, 25}, {2}}},
            [&](auto in) { return in.assign_timestamps(day_off).map([](int n) { return n; }); })[0]
            .size() == 2);

  options.on_error = weir::on_error::fail;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>(1);
  weir::memory_stream(job.context(), log)
      .assign_timestamps(odd_only)
      .count()
      .for_each_batch([](const auto&) {});
  log->append(2);
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK_THAT(report->failure->to_string(), Catch::Contains("no event time"));
}

SCENARIO("mistakes with timestamps come from the start", "[operators][event_time]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>(1);
  auto times = weir::memory_stream(job.context(), log).assign_timestamps(as_milliseconds);
  times.map([](const int& n) { return n; })
      .count()
      .assign_timestamps([](std::int64_t) { return event_time(); }, {.idle_after = -1s})
      .count()
      .for_each_batch([](const auto&) {});
  const auto report = job.step();
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().to_string(), Catch::Contains("two watermarks"));
  CHECK_THAT(report.error().to_string(), Catch::Contains("negative duration"));
}
