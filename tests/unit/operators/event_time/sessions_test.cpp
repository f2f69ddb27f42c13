// Sessions, aggregations over all of time, and bounded runs.
#include "events.hpp"

using namespace std::chrono_literals;
using std::int64_t;
using weir::output_mode;
using weir::test::at;
using weir::test::batches;
using weir::test::counts;
using weir::test::event;
using weir::test::every_mode;
using weir::test::keyed_by_time;
using weir::test::of;
using weir::test::partitioned;
using weir::test::rows_of;

SCENARIO("records that touch are one session, and a late comer may bridge two",
         "[operators][event_time][session]") {
  const auto how = GENERATE(from_range(every_mode()));
  // Gap 10. Touching ends merge: 1 and 11 are one session, 12 joins it. 30 is another, 50 a third.
  // 40 bridges the last two.
  const batches input = {{{{1, "a"}, {11, "a"}, {30, "a"}}, {{12, "a"}, {50, "a"}, {12, "b"}}},
                         {{{40, "a"}}, {}},
                         {{{90, "a"}}, {{90, "a"}}},
                         {{}, {}},
                         {{{41, "a"}}, {}}};
  const auto rows_with = [&](output_mode mode) {
    return rows_of<event>(how, input, [&](auto in) {
      return keyed_by_time(in, 25ms).session(10ms).emit(mode).count_by_key();
    });
  };
  // Watermarks: none, 5, 15, 65, 65.
  CHECK(rows_with(output_mode::append) ==
        counts{{}, {}, {}, {of(1, 22, "a", 3), of(12, 22, "b", 1), of(30, 60, "a", 3)}, {}});
  const auto complete = rows_with(output_mode::complete);
  CHECK(complete[0] == std::vector<weir::test::event_count>{of(1, 22, "a", 3), of(12, 22, "b", 1),
                                                            of(30, 40, "a", 1),
                                                            of(50, 60, "a", 1)});
  CHECK(complete[4] == std::vector<weir::test::event_count>{of(1, 22, "a", 3), of(12, 22, "b", 1),
                                                            of(30, 60, "a", 4),
                                                            of(90, 100, "a", 2)});
}

SCENARIO("a running aggregation goes on from batch to batch", "[operators][event_time][running]") {
  const auto how = GENERATE(from_range(every_mode()));
  using pair = std::pair<std::string, int>;
  const std::vector<partitioned<pair>> input = {
      {{{"a", 1}, {"b", 2}}, {{"a", 3}}}, {{}, {}}, {{{"b", 5}}, {}}};
  const auto rows_with = [&](output_mode mode) {
    return rows_of<pair>(
        how, input, [&](auto in) { return in.running().emit(mode).reduce_by_key(std::plus<>{}); });
  };
  CHECK(rows_with(output_mode::update) ==
        std::vector<std::vector<pair>>{{{"a", 4}, {"b", 2}}, {}, {{"b", 7}}});
  CHECK(rows_with(output_mode::complete) == std::vector<std::vector<pair>>{{{"a", 4}, {"b", 2}},
                                                                           {{"a", 4}, {"b", 2}},
                                                                           {{"a", 4}, {"b", 7}}});
}

SCENARIO("a bounded run gives the windows that its watermark has passed",
         "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto trigger = GENERATE(weir::trigger::available_now, weir::trigger::once);
  auto options = weir::test::options_for(how);
  options.trigger = trigger;
  auto job = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<event>>(2); // one partition stays empty
  log->append_all({{1, "a"}, {12, "a"}, {25, "a"}});
  auto table = std::make_shared<weir::memory_table<weir::test::event_count>>();
  keyed_by_time(weir::memory_stream(job, log))
      .tumbling(10ms)
      .count_by_key()
      .to(weir::memory_sink(table));
  REQUIRE(job.start());
  while (job.run_ready())
    std::this_thread::yield();
  REQUIRE(job.await());
  if (trigger ==
      weir::trigger::available_now) // the batch without data; nothing forces the last one
    CHECK(weir::test::sorted(table->rows()) ==
          std::vector<weir::test::event_count>{of(0, 10, "a", 1), of(10, 20, "a", 1)});
  else
    CHECK(table->rows().empty());
}
