// What is defined on batches, under `continuous`: an epoch is a batch.
#include "epoch_rows.hpp"

#include <numeric>

using namespace std::chrono_literals;
using namespace weir::test;

namespace {

using numbers = weir::stream<number_pair>;

constexpr auto even = [](const number_pair& r) { return r.second % 2 == 0; };
constexpr auto odd = [](const number_pair& r) { return r.second % 2 != 0; };
constexpr auto totals = [](const auto& group) {
  return number_pair(group.first, std::accumulate(group.second.begin(), group.second.end(), 0));
};

numbers sums(const numbers& in) { return in.reduce_by_key(std::plus<>{}); }
numbers groups(const numbers& in) { return in.group_by_key().map(totals); }
numbers windows(const numbers& in) { return in.window(2s); }
numbers window_groups(const numbers& in) { return in.group_by_key_and_window(3s, 2s).map(totals); }
numbers window_sums(const numbers& in) {
  return in.reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 2s);
}
numbers pairs(const numbers& in) {
  return in.filter(even).join(in.filter(odd)).map([](const auto& r) {
    return number_pair(r.first, 100 * r.second.first + r.second.second);
  });
}
numbers cogroups(const numbers& in) {
  return in.filter(even).cogroup(in.filter(odd)).map([](const auto& r) {
    return number_pair(r.first, int(100 * r.second.first.size() + r.second.second.size()));
  });
}
numbers whole(const numbers& in) {
  return in.transform([](const weir::batch_view<number_pair>& all) {
    return std::vector{number_pair(0, int(all.size()))};
  });
}
numbers greatest(const numbers& in) { return in.top(2); }
numbers by_partition(const numbers& in) {
  return in.map_partitions([](const weir::partition_view<number_pair>& all) {
    return std::vector{number_pair(int(all.id().value), int(all.size()))};
  });
}

} // namespace

SCENARIO("operators on batches give for an epoch what they give for a batch with its records",
         "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto build = GENERATE(values<pipeline>({sums, groups, windows, window_groups, window_sums,
                                                pairs, cogroups, whole, greatest, by_partition}));
  CAPTURE(how);
  const auto expected = batch_rows(some_numbers, build);
  CHECK(epoch_rows(how, some_numbers, build) == expected);
  THEN("epochs that are aborted and read again leave no trace") {
    CHECK(epoch_rows(how, some_numbers, build, {0, 3}) == expected);
  }
}

SCENARIO("ticks that pass while an epoch is open count in windows of batch time",
         "[triggers][continuous][window]") {
  auto job = *weir::testing::stepped_job::make(continuous({}));
  auto log = std::make_shared<weir::memory_log<int>>();
  auto counts = std::make_shared<weir::memory_table<std::int64_t>>();
  weir::memory_stream(job.context(), log).count_by_window(3s).to(weir::memory_sink(counts));
  REQUIRE(job.context().start());
  log->append_all({1, 2});
  (void)job.context().run_ready();
  job.clock().advance(2500ms); // the epoch of the first second ends late, and the next at 3 s
  (void)job.context().run_ready();
  log->append(3);
  (void)job.context().run_ready();
  REQUIRE(job.step());
  log->append(4);
  (void)job.context().run_ready();
  REQUIRE(job.step());
  CHECK(counts->rows() == std::vector<std::int64_t>{2, 3, 2});
}
