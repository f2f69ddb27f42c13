// Epochs that hold the same records as the batches of another run: their rows are then the same
// too.
#pragma once

#include "epochs.hpp"

#include <catch2/catch.hpp>
#include <tests/support/interrupted_source.hpp>

#include <set>

namespace weir::test {

using number_pair = std::pair<int, int>;
using number_batches = std::vector<partitioned<number_pair>>;
using number_rows = std::vector<std::vector<number_pair>>;

/// What a test composes; by one type, so that the jobs are compiled once.
using pipeline = stream<number_pair> (*)(const stream<number_pair>&);

/// Runs `build(stream)` under `continuous`: the records of each batch are read by the open epoch
/// before that ends. @param aborted the batches, by number and not empty, whose epoch is aborted
/// and read again first. @returns the rows that left each epoch, sorted.
inline number_rows epoch_rows(run_mode how, const number_batches& batches, pipeline build,
                              const std::set<std::size_t>& aborted = {}) {
  std::atomic<std::size_t> read = 0; // outlives the job
  auto job = *testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<memory_log<number_pair>>(batches.front().size());
  auto by = std::make_shared<interruption>();
  auto table = std::make_shared<memory_table<number_pair>>();
  build(interrupted_stream(job.context(), log, by)
            .inspect([&read](const number_pair&) { ++read; })
            .share())
      .to(memory_sink(table));
  REQUIRE(job.context().start());
  std::size_t reports = 0;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    append(*log, batches[i]);
    std::size_t size = 0;
    for (const auto& partition : batches[i])
      size += partition.size();
    const auto wait_until_read = [&] {
      REQUIRE(run_until(job.context(), [&] { return read == size; }));
      read = 0;
    };
    wait_until_read();
    if (aborted.contains(i)) {
      REQUIRE(size > 0); // else nobody knows whether the epoch is open yet
      by->abort_open_batch();
      ++reports;
      REQUIRE(run_until(job.context(), [&] { return job.reports().size() == reports; }));
      REQUIRE(job.reports().back().failure);
      wait_until_read();
    }
    const auto report = job.step();
    ++reports;
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    REQUIRE(report->records == size);
  }
  number_rows rows;
  for (auto& epoch : table->batches())
    rows.push_back(sorted(std::move(epoch.rows)));
  return rows;
}

/// The same under `every`, in line.
inline number_rows batch_rows(const number_batches& batches, pipeline build) {
  return rows_of<number_pair>(run_mode(), batches, build);
}

/// Two partitions; one batch is empty. A key is in one partition of a batch, so that the order of
/// its records is known.
inline const number_batches some_numbers = {
    {{{1, 10}, {3, 30}, {1, 11}}, {{2, 20}, {4, 40}, {2, 21}}},
    {{{2, 20}}, {{1, 12}, {1, 13}}},
    {{}, {}},
    {{{3, 31}, {1, 10}}, {}},
    {{{2, 22}, {4, 41}}, {{1, 14}}}};

} // namespace weir::test
