// Windows of event time: borders, what is late, what leaves in each output mode, what an abort
// undoes.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using std::int64_t;
using weir::event_time;
using weir::output_mode;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;

namespace {

struct event {
  int time = 0;
  std::string key;
  friend auto operator<=>(const event&, const event&) = default;
};

event_time at(int time) { return event_time(std::chrono::milliseconds(time)); }

using count = weir::windowed<std::string, int64_t>;
using batches = std::vector<partitioned<event>>;
using counts = std::vector<std::vector<count>>;

count of(int start, int end, std::string key, int64_t n) {
  return {{at(start), at(end)}, std::move(key), n};
}

/// Timed (key, time) records; 5 ms out of order.
auto keyed_by_time(const weir::stream<event>& in, std::chrono::milliseconds disorder = 5ms) {
  return in
      .assign_timestamps([](const event& e) { return at(e.time); },
                         {.max_out_of_orderness = disorder})
      .map([](const event& e) { return std::pair<std::string, int>(e.key, e.time); });
}

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
  CHECK(rows[2] == std::vector<count>{of(0, 10, "a", 3), of(10, 20, "b", 2)});
  CHECK(rows[5] == std::vector<count>{of(0, 10, "a", 4), of(10, 20, "b", 2), of(40, 50, "c", 1)});
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

SCENARIO("windows hold what aggregations without keys make of them",
         "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  const batches input = {{{{1, "a"}, {2, "b"}}, {{3, "c"}}}, {{{30, "x"}}, {{30, "x"}}}, {{}, {}}};
  const auto first_of = [&](auto build) {
    return rows_of<event>(how, input, [&](auto in) {
      return build(in.assign_timestamps([](const event& e) { return at(e.time); })
                       .map([](const event& e) { return e.key; })
                       .tumbling(10ms));
    })[2][0];
  };
  CHECK(first_of([](auto w) { return w.count(); }).value == 3);
  CHECK(first_of([](auto w) {
          return w.aggregate([](const std::string& s) { return s.size(); },
                             [](std::size_t n, const std::string& s) { return n + s.size(); },
                             std::plus<>{});
        }).value == 3);
  CHECK(weir::test::sorted(first_of([](auto w) { return w.group(); }).value) ==
        std::vector<std::string>{"a", "b", "c"});
  CHECK(first_of([](auto w) {
          return w.reduce([](std::string a, const std::string& b) { return std::max(a, b); });
        }) == weir::windowed<void, std::string>{{at(0), at(10)}, "c"});
}

SCENARIO("results of windows go into wider windows", "[operators][event_time][windows]") {
  const auto how = GENERATE(from_range(every_mode()));
  const batches input = {
      {{{1, "a"}, {11, "a"}, {12, "a"}}}, {{{21, "a"}}}, {{}}, {{{60, "a"}}}, {{}}};
  const auto rows = rows_of<event>(how, input, [](auto in) {
    return keyed_by_time(in, 0ms)
        .tumbling(10ms)
        .count_by_key()
        .at_window_end()
        .tumbling(20ms)
        .reduce_by_key([](int64_t a, int64_t b) { return std::max(a, b); });
  });
  CHECK(rows == counts{{}, {}, {of(0, 20, "a", 2)}, {}, {of(20, 40, "a", 1)}});
}

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
  CHECK(complete[0] == std::vector<count>{of(1, 22, "a", 3), of(12, 22, "b", 1), of(30, 40, "a", 1),
                                          of(50, 60, "a", 1)});
  CHECK(complete[4] == std::vector<count>{of(1, 22, "a", 3), of(12, 22, "b", 1), of(30, 60, "a", 4),
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
  auto table = std::make_shared<weir::memory_table<count>>();
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
          std::vector<count>{of(0, 10, "a", 1), of(10, 20, "a", 1)});
  else
    CHECK(table->rows().empty());
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
  const auto report = job.step();
  REQUIRE_FALSE(report);
  const auto text = report.error().to_string();
  for (const auto* part :
       {"tumbling() was given", "sliding() was given", "'running.count_by_key' cannot emit append",
        "gap", "'session.count' cannot emit update", "emits update", "without a watermark"})
    CHECK_THAT(text, Catch::Contains(part));
}
