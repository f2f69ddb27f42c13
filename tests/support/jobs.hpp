// Small jobs from memory to memory: what operator tests run. Each run is a few batches, each batch
// a few partitions.
#pragma once

#include <weir/connectors/memory.hpp>
#include <weir/runtime/testing/stepped_job.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <ostream>
#include <vector>

namespace weir::test {

/// Who runs a job, and in which order.
struct run_mode {
  executor_kind executor = executor_kind::in_line;
  std::uint64_t seed = 1;

  friend std::ostream& operator<<(std::ostream& out, const run_mode& mode) {
    return out << (mode.executor == executor_kind::in_line ? "in line, seed " : "actors, seed ")
               << mode.seed;
  }
};

/// In line with several seeds, and on two worker threads. Use: `const auto how =
/// GENERATE(from_range(every_mode()));`
inline std::vector<run_mode> every_mode() {
  return {{executor_kind::in_line, 1},
          {executor_kind::in_line, 2},
          {executor_kind::in_line, 77},
          {executor_kind::actors, 1}};
}

/// Two worker threads, no rate limit, a second per batch.
inline context_options options_for(run_mode how = {}) {
  return {.name = "test",
          .rate_control = {.enabled = false},
          .worker_threads = 2,
          .executor = how.executor,
          .seed = how.seed};
}

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

/// The records of one batch by partition.
template <class T>
using partitioned = std::vector<std::vector<T>>;

/// Appends to each partition of a log what one batch is to read.
template <class T>
void append(memory_log<T>& log, const partitioned<T>& batch) {
  for (std::uint32_t p = 0; p < batch.size(); ++p)
    log.append_all(batch[p], p);
}

/// Runs `build(stream)` over the batches. @returns the rows that left each batch, sorted.
template <class In, class Build>
auto rows_of(context_options options, const std::vector<partitioned<In>>& batches, Build build) {
  auto job = testing::stepped_job::make(std::move(options));
  REQUIRE(job);
  auto log = std::make_shared<memory_log<In>>(static_cast<std::uint32_t>(batches.front().size()));
  auto results = build(memory_stream(job->context(), log));
  using out = typename decltype(results)::record_type;
  auto table = std::make_shared<memory_table<out>>();
  results.to(memory_sink(table));
  for (const auto& batch : batches) {
    append(*log, batch);
    const auto report = job->step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    INFO((report->failure ? report->failure->to_string() : std::string()));
    REQUIRE_FALSE(report->failure);
  }
  std::vector<std::vector<owned_t<out>>> rows;
  for (auto& batch : table->batches())
    rows.push_back(sorted(std::move(batch.rows)));
  return rows;
}

template <class In, class Build>
auto rows_of(run_mode how, const std::vector<partitioned<In>>& batches, Build build) {
  return rows_of(options_for(how), batches, std::move(build));
}

} // namespace weir::test
