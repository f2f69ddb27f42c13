// Timestamps assigned twice, windows that cannot be, modes that cannot be kept.
#include "events.hpp"

using namespace std::chrono_literals;
using std::int64_t;
using weir::output_mode;
using weir::test::at;
using weir::test::counts;
using weir::test::event;
using weir::test::keyed_by_time;

SCENARIO("timestamps are assigned once on the way from a source", "[operators][event_time]") {
  const auto mistake = [&](auto compose) {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    compose(weir::memory_stream(job.context(), std::make_shared<weir::memory_log<event>>(1)));
    const auto started = job.context().start();
    return started ? std::string("none") : started.error().to_string();
  };
  const auto ignore = [](const auto&) {};
  const auto time_of = [](const event& e) { return at(e.time); };
  CHECK_THAT(
      mistake([&](auto in) {
        in.assign_timestamps(time_of).without_time().assign_timestamps(time_of).for_each_batch(
            ignore);
      }),
      Catch::Contains("assign_timestamps() stands behind another one"));
  CHECK_THAT(mistake([&](auto in) {
               in.assign_timestamps(time_of)
                   .without_time()
                   .share()
                   .assign_timestamps(time_of)
                   .for_each_batch(ignore);
             }),
             Catch::Contains("assign_timestamps() stands behind another one"));
  CHECK(mistake([&](auto in) {
          in.assign_timestamps(time_of).for_each_batch(ignore);
          in.assign_timestamps(time_of).for_each_batch(ignore); // another way
        }) == "none");
}

SCENARIO("windows that cannot be, and modes that cannot be kept, are mistakes",
         "[operators][event_time][windows]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<event>>(1);
  const auto in = weir::memory_stream(job.context(), log);
  const auto timed = keyed_by_time(in).share();
  const auto ignore = [](const auto&) {};
  timed.tumbling(0ms).count().for_each_batch(ignore);
  timed.sliding(10ms, 11ms).count().for_each_batch(ignore);
  timed.tumbling(10ms, -10ms).count().for_each_batch(ignore);
  timed.running().count_by_key().for_each_batch(ignore);
  timed.session(0ms).count().for_each_batch(ignore);
  timed.session(1ms).emit(output_mode::update).count().for_each_batch(ignore);
  timed.tumbling(10ms)
      .emit(output_mode::update)
      .count()
      .at_window_end()
      .tumbling(10ms)
      .count()
      .for_each_batch(ignore);
  in.map([](const event& e) { return weir::timed<int>{at(e.time), 1}; })
      .tumbling(10ms)
      .count()
      .for_each_batch(ignore);
  // Of several inputs the least watermark counts: none, where one has none.
  timed
      .union_with(in.map([](const event& e) {
        return weir::timed<std::pair<std::string, int>>{at(e.time), {e.key, e.time}};
      }))
      .tumbling(10ms)
      .count()
      .for_each_batch(ignore);
  const auto report = job.step();
  REQUIRE_FALSE(report);
  const auto text = report.error().to_string();
  for (const auto* part :
       {"tumbling() was given", "sliding() was given", "'running.count_by_key' cannot emit append",
        "gap", "'session.count' cannot emit update", "emits update", "without a watermark"})
    CHECK_THAT(text, Catch::Contains(part));
}
