// Joins of two streams by key and event time beside a naive model.
#include "interval_rows.hpp"

#include <tests/support/properties.hpp>

using namespace std::chrono_literals;
using namespace weir::test::intervals;
using weir::timed;
using weir::test::every_mode;

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
