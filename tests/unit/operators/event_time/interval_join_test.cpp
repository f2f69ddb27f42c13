// Joins of two streams by key and event time: what matches, what leaves alone, what is late.
#include "interval_rows.hpp"

using namespace std::chrono_literals;
using namespace weir::test::intervals;
using weir::timed;
using weir::test::every_mode;

SCENARIO("an interval join gives pairs at once, and lone rows when nothing can match them",
         "[operators][event_time][interval_join]") {
  const auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  // Right rows match left ones from 2 before to 5 after.
  const std::vector<inputs> batches = {
      {{{{10, 1}}, {{10, 2}}}, {{{8, 1}, {7, 1}}, {{15, 1}}}}, // watermarks: 10 and 8
      {{{{20, 1}}, {{20, 3}}}, {{{20, 9}}, {{16, 9}}}},        // 20 and 16
      {{{}, {}}, {{{12, 7}}, {{40, 9}}}},                      // 20 and 20
      {{{{60, 9}}, {{60, 9}}}, {{{60, 8}}, {}}},
      {{{}, {}}, {{}, {}}}};
  // Watermarks of the join: none, 8, 16, 20, 40.
  const auto inner = joined(options, batches, kind::inner, 0, -2, 5);
  CHECK(inner == rows{{of(10, 1, 10, 8), of(15, 1, 10, 15)}, {}, {}, {}, {}});
  const auto left = joined(options, batches, kind::left, 0, -2, 5);
  CHECK(left[2] == std::vector<row>{of(10, 2, 10, {})});
  CHECK(left[4] == std::vector<row>{of(20, 1, 20, {}), of(20, 3, 20, {})});
  const auto full = joined(options, batches, kind::full, 0, -2, 5);
  CHECK(full[1].empty());
  CHECK(full[2] == std::vector<row>{of(7, 1, {}, 7), of(10, 2, 10, {}), of(12, 7, {}, 12)});
  CHECK(full[3] == std::vector<row>{of(16, 9, {}, 16)});
  const auto semi = joined(options, batches, kind::semi, 0, -2, 5);
  CHECK(semi == rows{{of(10, 1, 10, {})}, {}, {}, {}, {}});
}

SCENARIO("late rows of either side are counted, and the watermark behind a join is lower",
         "[operators][event_time][interval_join]") {
  weir::test::two_logs<record, record> t(
      weir::test::options_for(GENERATE(from_range(every_mode()))));
  auto table = std::make_shared<weir::memory_table<weir::windowed<void, std::int64_t>>>();
  by_key(t.left(), 0)
      .left_interval_join(by_key(t.right(), 0), 0ms, 5ms)
      .tumbling(10ms)
      .count()
      .to(weir::memory_sink(table));
  const std::vector<inputs> batches = {{{{{7, 1}}, {{20, 1}}}, {{{20, 1}}, {{20, 1}}}},
                                       {{{{20, 1}}, {}}, {{}, {}}},
                                       {{{}, {}}, {{}, {}}},
                                       {{{{9, 1}}, {}}, {{{40, 1}}, {{40, 1}}}},
                                       {{{{40, 1}}, {{40, 1}}}, {{}, {}}},
                                       {{{}, {}}, {{}, {}}}};
  for (const auto& batch : batches) {
    t.append(batch);
    REQUIRE(t.job.step());
  }
  CHECK(t.job.reports()[3].late == 1);
  // 7 leaves alone at 20 and is not late for the window, which ends at 10 <= 20 - 5.
  REQUIRE_FALSE(table->rows().empty());
  CHECK(table->rows().front() == weir::windowed<void, std::int64_t>{{at(0), at(10)}, 1});
}
