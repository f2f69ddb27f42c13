// Joins by event time that cannot be, or whose rows would never leave.
#include "interval_rows.hpp"

using namespace std::chrono_literals;
using namespace weir::test::intervals;
using weir::timed;
using weir::test::every_mode;

SCENARIO("joins that cannot be are mistakes", "[operators][event_time][interval_join]") {
  weir::test::two_logs<record, record> t(weir::test::options_for());
  by_key(t.left(), 0).interval_join(by_key(t.right(), 0), 5ms, 4ms).for_each_batch([](const auto&) {
  });
  const auto report = t.job.step();
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().to_string(), Catch::Contains("interval_join() was given"));
}

SCENARIO("a join whose rows would wait for ever is refused where they are to leave alone",
         "[operators][event_time][join]") {
  const auto open_below = GENERATE(milliseconds::min(), -milliseconds(std::int64_t(1) << 62));
  const auto open_above = GENERATE(milliseconds::max(), milliseconds(std::int64_t(1) << 62));
  const auto mistake = [&](auto compose) {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    const auto input = [&] {
      return by_key(
                 weir::memory_stream(job.context(), std::make_shared<weir::memory_log<record>>(1)),
                 0)
          .share();
    };
    compose(input(), input());
    const auto started = job.context().start();
    return started ? std::string("none") : started.error().to_string();
  };
  const auto ignore = [](const auto&) {};
  CHECK_THAT(mistake([&](auto l, auto r) {
               l.left_interval_join(r, 0ms, open_above).for_each_batch(ignore);
             }),
             Catch::Contains("left_interval_join() was given an open upper bound"));
  CHECK_THAT(mistake([&](auto l, auto r) {
               l.right_interval_join(r, open_below, 0ms).for_each_batch(ignore);
             }),
             Catch::Contains("right_interval_join() was given an open lower bound"));
  CHECK_THAT(mistake([&](auto l, auto r) {
               l.full_interval_join(r, open_below, open_above).for_each_batch(ignore);
             }),
             Catch::Contains("open lower bound") && Catch::Contains("open upper bound"));
  CHECK(mistake([&](auto l, auto r) {
          l.left_interval_join(r, open_below, 0ms).for_each_batch(ignore);
          l.right_interval_join(r, 0ms, open_above).for_each_batch(ignore);
          l.interval_join(r, open_below, open_above).for_each_batch(ignore);
          l.semi_interval_join(r, open_below, open_above).for_each_batch(ignore);
        }) == "none");
  // Behind one that may be matched at any time nothing is ever final.
  CHECK_THAT(
      mistake([&](auto l, auto r) {
        l.semi_interval_join(r, 0ms, open_above).tumbling(10ms).count().for_each_batch(ignore);
      }),
      Catch::Contains("no window is ever final"));
  CHECK(mistake([&](auto l, auto r) {
          l.semi_interval_join(r, 0ms, 10ms).tumbling(10ms).count().for_each_batch(ignore);
          l.interval_join(r, open_below, open_above).tumbling(10ms).count().for_each_batch(ignore);
        }) == "none");
}

SCENARIO("rows that are to leave alone, and keys to be forgotten, need a watermark",
         "[operators][event_time][join]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  const auto input = [&] {
    return weir::memory_stream(job.context(), std::make_shared<weir::memory_log<record>>(1))
        .map([](const record& r) {
          return timed<std::pair<int, int>>{at(r.first), {r.second, r.first}};
        })
        .share();
  };
  const auto ignore = [](const auto&) {};
  const auto left = input();
  const auto right = input();
  left.interval_join(right, 0ms, 1ms).for_each_batch(ignore); // keeps all, but gives all
  left.left_interval_join(right, 0ms, 1ms).for_each_batch(ignore);
  left.right_interval_join(right, 0ms, 1ms).for_each_batch(ignore);
  left.full_interval_join(right, 0ms, 1ms).for_each_batch(ignore);
  left.deduplicate_within_watermark([](const auto& p) { return p.first; }).for_each_batch(ignore);
  const auto started = job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().causes().size() == 4);
  for (const auto* name : {"left_interval_join()", "right_interval_join()", "full_interval_join()",
                           "deduplicate_within_watermark()"})
    CHECK_THAT(started.error().to_string(),
               Catch::Contains(std::string(name) + " stands behind a stream without a watermark"));
}
