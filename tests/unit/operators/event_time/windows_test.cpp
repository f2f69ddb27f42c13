// Windows of event time: borders, what is late, what leaves in each output mode.
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

namespace {

counts tumbling_counts(weir::test::run_mode how, const batches& input, output_mode mode) {
  return rows_of<event>(how, input, [&](auto in) {
    return keyed_by_time(in).tumbling(10ms).emit(mode).count_by_key();
  });
}

const batches some = {{{{1, "a"}, {5, "a"}, {12, "b"}}},
                      {{{3, "a"}, {16, "b"}}},
                      {{}},
                      {{{9, "a"}}},
                      {{{40, "c"}}},
                      {{}}};

} // namespace

SCENARIO("append gives each window once, when the watermark has reached its end",
         "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  // Watermarks: none, 7, 11, 11, 11, 35. The record of 9 comes after its window has left.
  CHECK(tumbling_counts(how, some, output_mode::append) ==
        counts{{}, {}, {of(0, 10, "a", 3)}, {}, {}, {of(10, 20, "b", 2)}});
}

SCENARIO("update gives what changed in the batch", "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(tumbling_counts(how, some, output_mode::update) ==
        counts{{of(0, 10, "a", 2), of(10, 20, "b", 1)},
               {of(0, 10, "a", 3), of(10, 20, "b", 2)},
               {},
               {},
               {of(40, 50, "c", 1)},
               {}});
}

SCENARIO("complete gives everything in every batch, and nothing is late",
         "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto rows = tumbling_counts(how, some, output_mode::complete);
  CHECK(rows[2] == std::vector<weir::test::event_count>{of(0, 10, "a", 3), of(10, 20, "b", 2)});
  CHECK(rows[5] == std::vector<weir::test::event_count>{of(0, 10, "a", 4), of(10, 20, "b", 2),
                                                        of(40, 50, "c", 1)});
}

SCENARIO("a window is late when its end is at the watermark of the batch before",
         "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  // In the second batch the watermark is 10 already, but records are judged with the one before it.
  const batches input = {{{{10, "a"}}}, {{{9, "b"}}}, {{{9, "c"}, {10, "d"}, {20, "e"}}}, {{}}};
  CHECK(rows_of<event>(how, input, [](auto in) {
          return keyed_by_time(in, 0ms).tumbling(10ms).count_by_key();
        }) == counts{{}, {of(0, 10, "b", 1)}, {}, {of(10, 20, "a", 1), of(10, 20, "d", 1)}});
}

SCENARIO("late records are counted, and can be had", "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<event>>(1);
  auto table = std::make_shared<weir::memory_table<std::pair<std::string, int>>>();
  const auto windows =
      keyed_by_time(weir::memory_stream(job.context(), log), 0ms).share().sliding(10ms, 5ms);
  windows.count_by_key().for_each_batch([](const auto&) {});
  windows.late().without_time().to(weir::memory_sink(table));
  const std::vector<partitioned<event>> input = {
      {{{20, "a"}}}, {{}}, {{{9, "late"}, {14, "late in two"}, {16, "late in one"}}}};
  for (const auto& batch : input) {
    weir::test::append(*log, batch);
    REQUIRE(job.step());
  }
  CHECK(job.reports()[2].late == 2);
  CHECK(table->rows() ==
        std::vector<std::pair<std::string, int>>{{"late", 9}, {"late in two", 14}});
}
