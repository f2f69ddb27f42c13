// The same graph under every trigger and both executors: what does not depend on where batches are
// cut is equal.
#include "readings.hpp"

#include <numeric>

using namespace std::chrono_literals;
using weir::trigger;
using namespace weir::test;

SCENARIO("stateless output is the same under every trigger", "[triggers]") {
  const auto kind = GENERATE_REF(values(every_trigger));
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CAPTURE(int(kind), how);
  const auto rows = rows_under(kind, how, [](auto in) {
    return in.filter([](const reading& r) { return r.number % 3 != 0; })
        .flat_map([](const reading& r) {
          return std::vector{r, reading{r.partition + 100, r.key, r.number}};
        });
  });
  std::vector<reading> expected;
  for (const auto& r : everything())
    if (r.number % 3 != 0) {
      expected.push_back(r);
      expected.push_back({r.partition + 100, r.key, r.number});
    }
  CHECK(in_order(rows));
  CHECK(weir::test::sorted(rows) == weir::test::sorted(expected));
}

SCENARIO("records cross shuffles in order of partition and key under every trigger", "[triggers]") {
  const auto kind = GENERATE_REF(values(every_trigger));
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CAPTURE(int(kind), how);
  const auto rows = rows_under(kind, how, [](auto in) {
    return in.map([](const reading& r) { return std::pair(r.key, r); })
        .group_by_key()
        .flat_map([](const std::pair<int, std::vector<reading>>& group) { return group.second; })
        .share();
  });
  CHECK(in_order(rows));
  CHECK(weir::test::sorted(rows) == weir::test::sorted(everything()));
}

SCENARIO("sums over all batches are the same under every trigger", "[triggers]") {
  const auto kind = GENERATE_REF(values(every_trigger));
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CAPTURE(int(kind), how);
  std::map<int, int> expected;
  int total = 0;
  for (const auto& r : everything()) {
    expected[r.key] += r.number;
    total += r.number;
  }
  const auto by_key = rows_under(kind, how, [](auto in) {
    return in.map([](const reading& r) { return std::pair(r.key, r.number); })
        .reduce_by_key(std::plus<>{});
  });
  std::map<int, int> sums;
  for (const auto& [key, sum] : by_key)
    sums[key] += sum;
  CHECK(sums == expected);
  const auto whole = rows_under(kind, how, [](auto in) {
    return in.map([](const reading& r) { return r.number; }).reduce(std::plus<>{});
  });
  CHECK(std::accumulate(whole.begin(), whole.end(), 0) == total);
}

SCENARIO("windows of event time that are final are the same however batches are cut",
         "[triggers][event_time]") {
  const auto kind = GENERATE(trigger::every, trigger::available_now, trigger::continuous);
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CAPTURE(int(kind), how);
  constexpr auto size = 25ms;
  const auto at = [](int number) { return weir::event_time(std::chrono::milliseconds(number)); };
  using counted = weir::windowed<int, std::int64_t>;
  const auto rows = rows_under(kind, how, [&](auto in) {
    return in.assign_timestamps([at](const reading& r) { return at(r.number); })
        .map([](const reading& r) { return std::pair(r.key, r.number); })
        .tumbling(size)
        .count_by_key();
  });
  std::map<std::pair<int, int>, std::int64_t> counts; // by start and key
  constexpr int last = portions * per_portion - 1;    // where the watermark ends
  for (const auto& r : everything())
    if (const int start = r.number / 25 * 25; start + 25 <= last)
      ++counts[{start, r.key}];
  std::vector<counted> expected;
  for (const auto& [window, count] : counts)
    expected.push_back({{at(window.first), at(window.first + 25)}, window.second, count});
  CHECK(weir::test::sorted(rows) == weir::test::sorted(expected));
}
