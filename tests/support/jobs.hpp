// Small jobs from memory to memory: what operator tests run, by the test kit. Each run is a few
// batches, each batch a few partitions.
#pragma once

#include <weir/runtime/testing/test_job.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

namespace weir::test {

using testing::every_mode; ///< Use: `const auto how = GENERATE(from_range(every_mode()));`
using testing::options_for;
using testing::run_mode;

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
  return testing::rows_of<In>(std::move(options), batches, std::move(build));
}

template <class In, class Build>
auto rows_of(run_mode how, const std::vector<partitioned<In>>& batches, Build build) {
  return rows_of<In>(options_for(how), batches, std::move(build));
}

} // namespace weir::test
