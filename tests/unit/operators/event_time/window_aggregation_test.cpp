// What is aggregated in windows of event time, in sessions and over all of time; a bounded run, and
// mistakes.
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

SCENARIO("an aggregation behind one whose results change is a mistake",
         "[operators][event_time][windows]") {
  const auto ignore = [](const auto&) {};
  const auto mistake = [&](auto compose) {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    compose(weir::memory_stream(job.context(), std::make_shared<weir::memory_log<event>>(1)));
    const auto started = job.context().start();
    return started ? std::string("none") : started.error().to_string();
  };
  const auto pairs = [](const auto& in) {
    return in.map([](const event& e) { return std::pair(e.key, 1); });
  };
  const auto time_of_pair = [](const std::pair<std::string, std::int64_t>& p) {
    return at(static_cast<int>(p.second));
  };
  for (const auto first : {output_mode::update, output_mode::complete})
    for (const auto second : {output_mode::update, output_mode::complete}) {
      const auto refused =
          "stands behind an aggregation that emits " + std::string(to_string(first));
      const auto check = [&](auto compose) {
        CHECK_THAT(mistake(compose), Catch::Contains(refused));
      };
      // By key and over all records, at once, with steps and with nodes between.
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .running()
            .emit(second)
            .count_by_key()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        in.running()
            .emit(first)
            .count()
            .map([](std::int64_t n) { return n; })
            .share()
            .running()
            .emit(second)
            .reduce(std::plus<>{})
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .reduce_by_key(std::plus<>{})
            .running()
            .emit(second)
            .group()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        keyed_by_time(in)
            .tumbling(10ms)
            .emit(first)
            .count()
            .running()
            .emit(second)
            .count()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .assign_timestamps(time_of_pair)
            .tumbling(10ms)
            .emit(second)
            .count()
            .for_each_batch(ignore);
      });
      // One of several inputs is enough.
      check([&](auto in) {
        auto results =
            keyed_by_time(in).tumbling(10ms).count().map([](const auto&) { return 1; }).share();
        auto changing = keyed_by_time(in)
                            .tumbling(10ms)
                            .emit(first)
                            .count()
                            .map([](const auto&) { return 1; })
                            .share();
        results.union_with(changing).running().emit(second).count().for_each_batch(ignore);
      });
    }
  // What is final may be added up, and what changes may be ordered or seen as it is.
  CHECK(mistake([&](auto in) {
          keyed_by_time(in)
              .tumbling(10ms)
              .count()
              .running()
              .emit(output_mode::update)
              .count()
              .for_each_batch(ignore);
        }) == "none");
  CHECK(mistake([&](auto in) {
          pairs(in)
              .running()
              .emit(output_mode::complete)
              .count_by_key()
              .sorted()
              .for_each_batch(ignore);
        }) == "none");
}

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
  const auto report = job.step();
  REQUIRE_FALSE(report);
  const auto text = report.error().to_string();
  for (const auto* part :
       {"tumbling() was given", "sliding() was given", "'running.count_by_key' cannot emit append",
        "gap", "'session.count' cannot emit update", "emits update", "without a watermark"})
    CHECK_THAT(text, Catch::Contains(part));
}
