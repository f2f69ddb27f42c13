// Joins of two streams by key and event time: what matches, what leaves alone, and a naive model.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>
#include <tests/support/properties.hpp>

#include <optional>

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using weir::event_time;
using weir::timed;
using weir::test::every_mode;

namespace {

using record = std::pair<int, int>; // time and key
using inputs = weir::test::two_inputs<record, record>;
using side = std::optional<int>;
using row = timed<std::pair<int, std::pair<side, side>>>; // key, times of both sides
using rows = std::vector<std::vector<row>>;

event_time at(int time) { return event_time(milliseconds(time)); }

/// Timed (key, time) records.
auto by_key(const weir::stream<record>& in, int disorder) {
  return in
      .assign_timestamps([](const record& r) { return at(r.first); },
                         {.max_out_of_orderness = milliseconds(disorder), .idle_after = {}})
      .map([](const record& r) { return std::pair(r.second, r.first); });
}

enum class kind { inner, left, right, full, semi };

/// The rows of each batch, whatever the kind, in one form.
rows joined(weir::context_options options, const std::vector<inputs>& batches, kind how,
            int disorder, int lower, int upper) {
  return weir::test::joined_rows(options, batches, [&](auto left_in, auto right_in) {
    const auto left = by_key(left_in, disorder);
    const auto right = by_key(right_in, disorder);
    const auto from = milliseconds(lower);
    const auto until = milliseconds(upper);
    const auto same = [](const auto& r) {
      return std::pair(r.first, std::pair<side, side>(r.second.first, r.second.second));
    };
    switch (how) {
    case kind::inner:
      return left.interval_join(right, from, until).map(same).share();
    case kind::left:
      return left.left_interval_join(right, from, until).map(same).share();
    case kind::right:
      return left.right_interval_join(right, from, until).map(same).share();
    case kind::full:
      return left.full_interval_join(right, from, until).map(same).share();
    default:
      return left.semi_interval_join(right, from, until)
          .map([](const std::pair<int, int>& r) {
            return std::pair(r.first, std::pair<side, side>(r.second, std::nullopt));
          })
          .share();
    }
  });
}

row of(int time, int key, side left, side right) { return {at(time), {key, {left, right}}}; }

} // namespace

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

SCENARIO("joins that cannot be are mistakes", "[operators][event_time][interval_join]") {
  weir::test::two_logs<record, record> t(weir::test::options_for());
  by_key(t.left(), 0).interval_join(by_key(t.right(), 0), 5ms, 4ms).for_each_batch([](const auto&) {
  });
  const auto report = t.job.step();
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().to_string(), Catch::Contains("interval_join() was given"));
}

SCENARIO("interval joins equal their model", "[operators][event_time][interval_join][model]") {
  const auto how = GENERATE(kind::inner, kind::left, kind::right, kind::full, kind::semi);
  weir::test::holds_for(1000, [&] {
    const int disorder = *weir::test::full_range(0, 8);
    const int lower = *weir::test::full_range(-6, 6);
    const int upper = *weir::test::full_range(lower, 8);
    std::vector<inputs> batches(*weir::test::full_range<std::size_t>(1, 5));
    const auto partition =
        rc::gen::resize(3, rc::gen::container<std::vector<record>>(rc::gen::pair(
                               weir::test::full_range(0, 30), weir::test::full_range(0, 2))));
    for (auto& batch : batches)
      batch = {.left = {*partition, *partition}, .right = {*partition, *partition}};
    auto options =
        weir::test::options_for({.seed = *weir::test::full_range<std::uint64_t>(0, 1'000'000)});
    options.block.max_records = *weir::test::full_range<std::size_t>(1, 4);

    // The model: all rows that are not late, each with the batches in which it came and was done.
    constexpr int never = -1'000'000;
    struct seen {
      record what;
      std::size_t batch;
      bool matched = false;
    };
    std::vector<seen> left;
    std::vector<seen> right;
    std::vector<std::optional<int>> latest(4);
    rows expected;
    int mark = never;
    int late = never;
    for (std::size_t b = 0; b < batches.size(); ++b) {
      std::vector<row> out;
      const auto take = [&](const auto& partitions, std::vector<seen>& to) {
        for (const auto& records : partitions)
          for (const auto& r : records)
            if (r.first > late)
              to.push_back({r, b});
      };
      take(batches[b].left, left);
      take(batches[b].right, right);
      for (auto& l : left) {
        const bool matched_before = l.matched;
        for (auto& r : right) {
          const int apart = r.what.first - l.what.first;
          if (l.what.second != r.what.second || apart < lower || apart > upper)
            continue;
          l.matched = r.matched = true;
          if (how != kind::semi && (l.batch == b || r.batch == b))
            out.push_back(of(std::max(l.what.first, r.what.first), l.what.second, l.what.first,
                             r.what.first));
        }
        if (how == kind::semi && l.matched && !matched_before)
          out.push_back(of(l.what.first, l.what.second, l.what.first, {}));
      }
      const auto leave = [&](std::vector<seen>& from, int wait, bool alone, auto make) {
        std::erase_if(from, [&](const seen& s) {
          if (s.what.first + wait > mark)
            return false;
          if (alone && !s.matched)
            out.push_back(make(s.what));
          return true;
        });
      };
      leave(left, upper, how == kind::left || how == kind::full,
            [](const record& r) { return of(r.first, r.second, r.first, {}); });
      leave(right, -lower, how == kind::right || how == kind::full,
            [](const record& r) { return of(r.first, r.second, {}, r.first); });
      expected.push_back(weir::test::sorted(out));
      std::size_t p = 0;
      for (const auto* one : {&batches[b].left, &batches[b].right})
        for (const auto& records : *one) {
          for (const auto& r : records)
            latest[p] = std::max(latest[p].value_or(0), r.first);
          ++p;
        }
      late = mark;
      if (std::all_of(latest.begin(), latest.end(), [](const auto& l) { return l.has_value(); }))
        mark = std::max(mark,
                        *std::min(std::min(latest[0], latest[1]), std::min(latest[2], latest[3])) -
                            disorder);
    }
    RC_ASSERT(joined(options, batches, how, disorder, lower, upper) == expected);
  });
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
