// Everything that shares one batch time: what each source reads and what the graph makes of it.
#pragma once

#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/offset_range.hpp>
#include <weir/runtime/time.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// The part of a batch that one source reads.
struct source_batch {
  std::string name;    ///< Display name of the source.
  bool present = true; ///< Whether the source has a batch at this time at all.
  std::vector<offset_range>
      ranges; ///< Range i is logical partition i of the source; empty ranges included.
  std::vector<std::optional<double>>
      rates{}; ///< Of an open-ended batch: the most records/s of each range; nullopt: unlimited.

  /// What the source expects to read, when its offsets are no record numbers, e.g. bytes of files.
  std::optional<std::int64_t> expected_records{};

  /// Upper bound of the records read, exact where offsets have no gaps; or `expected_records`.
  [[nodiscard]] std::int64_t count() const noexcept {
    if (expected_records)
      return *expected_records;
    std::int64_t sum = 0;
    for (const auto& range : ranges)
      sum += range.count();
    return sum;
  }
  /// Records that were there when the batch was planned and that it leaves unread.
  [[nodiscard]] std::int64_t lag() const noexcept {
    std::int64_t sum = 0;
    for (const auto& range : ranges)
      sum += range.lag();
    return sum;
  }
};

/// What one node of the graph gives at one batch time.
struct node_batch {
  bool present = true;                ///< A missing batch is not an empty one.
  std::uint32_t partitions = 0;       ///< Logical partitions of the output.
  std::uint32_t input_partitions = 0; ///< Logical partitions of the inputs together.
  std::vector<std::uint32_t>
      input_offsets; ///< Per input: what is added to its partition numbers (union).

  // Watermarks at the node: the least of its inputs', or that of the assigner it hosts.
  watermark late = watermark::min();  ///< Of the batch before: records at or before it are late.
  watermark evict = watermark::min(); ///< Of this batch: what ends at or before it is final.
  watermark passes_on = watermark::min(); ///< What the consumers see of `evict`.
};

/// Where the reading of one range of an open-ended batch has stopped.
struct range_end {
  std::uint32_t range = 0; ///< Index of the range in its `source_batch`.
  std::int64_t until = 0;  ///< First offset that was not read.
};

/// A planned batch. Epoch and watermarks are set when it starts, so that they know all batches
/// before it; fixed before its first record is processed; shared by all threads.
struct batch {
  weir::epoch epoch;
  weir::epoch decided{0}; ///< The last batch before it that is final.
  batch_time time{};
  std::int64_t index = 1; ///< Batch intervals that have passed when it ends, from 1 for the first
                          ///< batch. Ticks that were merged into it count; where batches do not
                          ///< follow the clock, each is one interval.
  duration moved{}; ///< By how much batch times have been moved ahead since the start, because
                    ///< the wall clock had been set. `time - moved` measures how long.
  std::int64_t before = 0; ///< Index of the batch before it; 0: there was none.
  bool open_ended = false; ///< Trigger `continuous`: the ranges say where reading begins, and have
                           ///< `until == from` as long as nobody knows the end. The report does.
  std::vector<source_batch> sources; ///< By `source_id`.
  std::vector<node_batch> nodes;     ///< By `node_id`.
  std::vector<std::shared_ptr<const void>>
      side_values; ///< By their place in the composition; see side_value.hpp.

  /// Whether it takes anything from a source, as far as is known when it starts.
  [[nodiscard]] bool moves() const noexcept {
    if (open_ended)
      return true;
    for (const auto& source : sources)
      for (const auto& range : source.ranges)
        if (range.until != range.from)
          return true;
    return false;
  }
};

using batch_ptr = std::shared_ptr<const batch>;

/// The batch for messages: its time and its first ranges that are not empty.
[[nodiscard]] std::string describe_ranges(const batch& whole);

} // namespace weir
