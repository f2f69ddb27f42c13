// The same readings under every trigger: what tests of what does not depend on where batches are
// cut run.
#pragma once

#include "epochs.hpp"

#include <catch2/catch.hpp>

#include <compare>
#include <map>

namespace weir::test {

struct reading {
  int partition = 0;
  int key = 0;
  int number = 0; ///< Rises within a partition.
  friend auto operator<=>(const reading&, const reading&) = default;
  friend std::ostream& operator<<(std::ostream& out, const reading& r) {
    return out << r.partition << '/' << r.key << '/' << r.number;
  }
};

inline constexpr int partitions = 3;
inline constexpr int portions = 4;
inline constexpr int per_portion = 75; ///< Of each partition.

inline std::vector<reading> portion_of(int partition, int portion) {
  std::vector<reading> some;
  for (int i = 0; i < per_portion; ++i) {
    const int number = portion * per_portion + i;
    some.push_back({partition, (number * 7 + partition) % 11, number});
  }
  return some;
}

inline std::vector<reading> everything() {
  std::vector<reading> all;
  for (int p = 0; p < partitions; ++p)
    for (int portion = 0; portion < portions; ++portion)
      for (const auto& r : portion_of(p, portion))
        all.push_back(r);
  return all;
}

/// Runs `build(stream)` over all readings, as the trigger does, the last ones followed by an empty
/// batch. @returns its rows as they came.
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
inline bool in_order(const std::vector<reading>& rows) {
  std::map<std::pair<int, int>, int> last;
  for (const auto& r : rows) {
    const auto [known, added] = last.try_emplace({r.partition, r.key}, r.number);
    if (!added && known->second >= r.number)
      return false;
    known->second = r.number;
  }
  return true;
}

inline const std::initializer_list<trigger> every_trigger = {trigger::every, trigger::available_now,
                                                             trigger::once, trigger::continuous};

} // namespace weir::test
