// What is aggregated in windows of event time, and in windows of such results.
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
