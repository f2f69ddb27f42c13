// Times, windows and bounds at the ends of what their types hold.
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using weir::errc;
using weir::event_time;
using weir::testing::every_mode;
using weir::testing::test_job;

namespace {

using record = std::pair<int, int>; // key and time
constexpr auto by_time = [](const record& r) { return event_time(milliseconds(r.second)); };
constexpr auto as_milliseconds = [](std::int64_t t) { return event_time(milliseconds(t)); };
constexpr milliseconds longest = 100 * std::chrono::years(1);

/// What the start of a job says that `compose` builds on numbers.
template <class Compose>
std::string mistake(Compose compose) {
  auto job = *weir::testing::stepped_job::make({.batch_interval = 1s});
  compose(weir::memory_stream(job.context(), std::make_shared<weir::memory_log<std::int64_t>>(1)));
  const auto report = job.step();
  if (report)
    return "none";
  CHECK(report.error().code() == errc::invalid_graph);
  return report.error().to_string();
}

constexpr auto ignore = [](const auto&) {};

} // namespace

SCENARIO("an interval join without bounds joins all of a key", "[operators][limits]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto left = job.input<record>(1, "left");
  const auto right = job.input<record>(1, "right");
  const auto l = left.stream().assign_timestamps(by_time);
  const auto r = right.stream().assign_timestamps(by_time);
  const auto all = job.output(l.interval_join(r, milliseconds::min(), milliseconds::max()));
  const auto later = job.output(l.interval_join(r, 0ms, milliseconds::max()));
  // A side of which rows may leave alone waits for what has a bound.
  const auto earlier = job.output(l.left_interval_join(r, milliseconds::min(), 0ms));

  left.add({{1, 1000}, {2, 2000}});
  right.add({{1, 5000}, {2, 1}});
  job.step();
  CHECK(all.rows().size() == 2);
  CHECK(later.rows().size() == 1);   // of key 1
  CHECK(earlier.rows().size() == 1); // of key 2

  left.add({{1, 9000}});
  right.add({{2, 9000}});
  job.step_undone();
  job.step(); // reads the same again
  CHECK(all.rows().size() == 2);
  CHECK(later.rows().size() == 1);       // 2000 and 9000
  CHECK(earlier.rows().size() == 1 + 1); // 9000 and 5000; nothing can match 1000 any more

  left.add({{1, 9001}, {2, 9001}});
  right.add({{3, 1'000'000}});
  job.step();
  CHECK(all.rows().size() == 1 + 2);
  CHECK(later.rows().empty());
  CHECK(earlier.rows().size() == 1 + 2);
}

SCENARIO("windows and gaps beyond 100 years are mistakes", "[operators][limits]") {
  const auto size =
      GENERATE(milliseconds::max(), milliseconds(std::int64_t(1) << 62), longest + 1ms);
  CHECK_THAT(mistake([&](auto in) {
               in.assign_timestamps(as_milliseconds).tumbling(size).count().for_each_batch(ignore);
             }),
             Catch::Contains("tumbling") && Catch::Contains("100 years"));
  CHECK_THAT(
      mistake([&](auto in) {
        in.assign_timestamps(as_milliseconds).sliding(size, 1h).count().for_each_batch(ignore);
      }),
      Catch::Contains("sliding") && Catch::Contains("100 years"));
  CHECK_THAT(mistake([&](auto in) {
               in.assign_timestamps(as_milliseconds).session(size).count().for_each_batch(ignore);
             }),
             Catch::Contains("session") && Catch::Contains("100 years"));
  CHECK_THAT(mistake([&](auto in) {
               in.assign_timestamps(as_milliseconds)
                   .tumbling(1s, milliseconds::min())
                   .count()
                   .for_each_batch(ignore);
             }),
             Catch::Contains("offset"));
}

SCENARIO("windows of 100 years hold the last of times", "[operators][limits]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<std::int64_t>();
  const auto times =
      in.stream().assign_timestamps(as_milliseconds, {.max_skew = weir::duration::max()});
  const auto windows = job.output(times.tumbling(longest).count());
  const auto sessions = job.output(times.session(longest).count());
  const auto last =
      std::chrono::floor<milliseconds>(weir::wall_time::max()).time_since_epoch().count();
  in.add({1000, last});
  job.step();
  in.add({last});
  job.step();
  REQUIRE(windows.rows().size() == 1); // of 1970
  CHECK(windows.rows()[0].window.end == event_time(longest));
  REQUIRE(sessions.rows().size() == 1);
  CHECK(sessions.rows()[0].window.end == event_time(1000ms + longest));
}

SCENARIO("disorder without a bound closes nothing", "[operators][limits]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<std::int64_t>();
  const auto times =
      in.stream().assign_timestamps(as_milliseconds, {.max_out_of_orderness = milliseconds::max()});
  const auto windows = job.output(times.tumbling(1s).count());
  const auto distinct =
      job.output(times.deduplicate_within_watermark([](std::int64_t t) { return t % 10; }));
  in.add({1001, 5001});
  job.step();
  CHECK(distinct.rows().size() == 1);
  in.add({900'001, 1});
  job.step();
  CHECK(windows.rows().empty());
  CHECK(distinct.rows().empty());
  job.step();
  CHECK(windows.rows().empty());
}

SCENARIO("times that cannot be held follow the error policy", "[operators][limits]") {
  using seconds_of_the_clock =
      std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;
  using real_seconds =
      std::chrono::time_point<std::chrono::system_clock, std::chrono::duration<double>>;
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<std::int64_t>();
  const auto skew = GENERATE(weir::duration(24h), weir::duration::max());
  const auto kept = job.output(
      in.stream()
          .assign_timestamps(
              [](std::int64_t t) { return seconds_of_the_clock(std::chrono::seconds(t)); },
              {.max_skew = skew})
          .on_error(weir::on_error::drop)
          .without_time());
  const auto real =
      job.output(in.stream()
                     .assign_timestamps(
                         [](std::int64_t t) {
                           const double seconds = t == 3 ? std::numeric_limits<double>::quiet_NaN()
                                                         : static_cast<double>(t) + 0.25;
                           return real_seconds(std::chrono::duration<double>(seconds));
                         },
                         {.max_skew = skew})
                     .on_error(weir::on_error::drop));
  // Thousands of seconds beyond 64 bits come back near 1970.
  constexpr std::int64_t wraps = std::numeric_limits<std::int64_t>::max() / 1000 * 2 + 100;
  in.add({1, wraps, 3, std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min(), -1, 9'300'000'000, 2});
  job.step();
  CHECK(kept.rows() == std::vector<std::int64_t>{1, 3, 2});
  const auto rows = real.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].time == event_time(1250ms));
  CHECK(rows[1].time == event_time(2250ms));
}

SCENARIO("an event timer at the end of time never comes", "[operators][limits]") {
  struct never {
    using context = weir::process_context<int, int>;
    void on_record(context& at, int, int time) const {
      at.set_event_timer(event_time::max());
      at.set_event_timer(event_time::max() - 1ms);
      at.set_event_timer(event_time(milliseconds(time + 5)));
      if (time == 30)
        at.delete_event_timer(event_time::max());
      at.emit(static_cast<int>(at.event_timers().size()));
    }
    void on_event_timer(context& at, int, event_time time) const {
      at.emit(static_cast<int>(time.time_since_epoch().count()));
    }
  };
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<record>();
  const auto out =
      job.output(in.stream().assign_timestamps(by_time).without_time().process<int, int>(never{}));
  in.add({{1, 10}});
  job.step();
  CHECK(out.rows() == std::vector{2});
  in.add({{1, 20}});
  job.step();
  CHECK(out.rows() == std::vector{3});
  job.step();
  CHECK(out.rows() == std::vector{15});
  in.add({{1, 30}});
  job.step();
  CHECK(out.rows() == std::vector{2});
  job.step();
  CHECK(out.rows() == std::vector{25});
}

SCENARIO("what cannot be is refused at the start", "[operators][limits]") {
  const weir::refreshable_table<int, int> table("negative", -1s,
                                                [] { return std::vector<record>{}; });
  CHECK_THAT(mistake([&](auto in) {
               in.map([](std::int64_t n) { return record(static_cast<int>(n), 1); })
                   .join_table(table)
                   .for_each_batch(ignore);
             }),
             Catch::Contains("negative duration"));
  CHECK_THAT(mistake([&](auto in) { in.save_as_text_files("files", "su/../x"); }),
             Catch::Contains("suffix"));
  CHECK_THAT(mistake([&](auto in) { in.save_as_csv_files("files", "/x"); }),
             Catch::Contains("suffix"));
  CHECK_THAT(mistake([&](auto in) { in.save_as_json_files("files", "x/"); }),
             Catch::Contains("suffix"));
  CHECK_THAT(mistake([&](auto in) { in.save_as_object_files("files", "../x"); }),
             Catch::Contains("suffix"));
}
