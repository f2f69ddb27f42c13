// The same graph under every trigger and both executors: what does not depend on where batches are
// cut is equal.
#include "epochs.hpp"

#include <catch2/catch.hpp>

#include <compare>
#include <map>
#include <numeric>

using namespace std::chrono_literals;
using weir::trigger;
using weir::test::run_mode;

namespace {

struct reading {
  int partition = 0;
  int key = 0;
  int number = 0; ///< Rises within a partition.
  friend auto operator<=>(const reading&, const reading&) = default;
  friend std::ostream& operator<<(std::ostream& out, const reading& r) {
    return out << r.partition << '/' << r.key << '/' << r.number;
  }
};

constexpr int partitions = 3;
constexpr int portions = 4;
constexpr int per_portion = 75; ///< Of each partition.

std::vector<reading> portion_of(int partition, int portion) {
  std::vector<reading> some;
  for (int i = 0; i < per_portion; ++i) {
    const int number = portion * per_portion + i;
    some.push_back({partition, (number * 7 + partition) % 11, number});
  }
  return some;
}

std::vector<reading> everything() {
  std::vector<reading> all;
  for (int p = 0; p < partitions; ++p)
    for (int portion = 0; portion < portions; ++portion)
      for (const auto& r : portion_of(p, portion))
        all.push_back(r);
  return all;
}

/// Runs `build(stream)` over all readings, as the trigger does. @returns its rows as they came.
template <class Build>
auto rows_under(trigger kind, run_mode how, Build build) {
  auto options = weir::test::options_for(how);
  options.trigger = kind;
  options.block.max_records = 16;
  if (kind == trigger::available_now)
    options.rate_control.partition.ceiling = 40; // several batches, cut anywhere
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<reading>>(partitions);
  auto results = build(weir::memory_stream(job.context(), log));
  using out = typename decltype(results)::record_type;
  auto table = std::make_shared<weir::memory_table<out>>();
  results.to(weir::memory_sink(table));

  const auto append = [&](int portion) {
    for (int p = 0; p < partitions; ++p)
      log->append_all(portion_of(p, portion), std::uint32_t(p));
  };
  if (weir::is_bounded(kind)) {
    for (int portion = 0; portion < portions; ++portion)
      append(portion);
    REQUIRE(job.context().start());
    REQUIRE(job.context().await());
    CHECK((kind == trigger::once) == (job.reports().size() == 1));
    return table->rows();
  }
  std::uint64_t read = 0;
  for (int portion = 0; portion < portions || read < everything().size(); ++portion) {
    REQUIRE(portion < 50);
    if (portion < portions)
      append(portion);
    if (kind == trigger::continuous) // some of it in the open epoch, some in the next
      (void)job.context().run_ready();
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    read += report->records;
  }
  REQUIRE(job.step()); // the watermark of the last records counts from the next batch on
  return table->rows();
}

/// Whether the readings of each partition and key are in order.
bool in_order(const std::vector<reading>& rows) {
  std::map<std::pair<int, int>, int> last;
  for (const auto& r : rows) {
    const auto [known, added] = last.try_emplace({r.partition, r.key}, r.number);
    if (!added && known->second >= r.number)
      return false;
    known->second = r.number;
  }
  return true;
}

const std::initializer_list<trigger> every_trigger = {trigger::every, trigger::available_now,
                                                      trigger::once, trigger::continuous};

} // namespace

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
