// How large the client's fetch queues may be, from the memory budget.
#pragma once

#include <weir/connectors/kafka/internal/properties.hpp>
#include <weir/runtime/expected.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::kafka {

/// Limits per partition; with one queue per partition librdkafka counts them for each.
struct queue_sizes {
  std::int64_t min_messages = 0; ///< queued.min.messages: fetch on while fewer wait.
  std::int64_t max_kbytes = 0;   ///< queued.max.messages.kbytes: and while fewer KiB wait.
  std::int64_t partition_bytes =
      0; ///< max.partition.fetch.bytes: what one answer may add to a partition.
  std::int64_t fetch_bytes = 0; ///< fetch.max.bytes: what one answer may hold in all.

  /// Measured with librdkafka 2.0.2: what a queued message costs beyond its payload.
  static constexpr std::int64_t message_overhead = 400;

  /// Bytes that one partition can take at most.
  [[nodiscard]] std::int64_t bytes_per_partition() const noexcept {
    return min_messages * message_overhead + max_kbytes * 1024 + partition_bytes;
  }
  [[nodiscard]] property_list as_properties() const;
};

/// Shares `memory_share` bytes between `partitions` queues, so that
/// partitions x (min_messages x 400 B + max_kbytes + partition_bytes) <= memory_share.
/// @returns errc::out_of_budget naming the share, the partitions and what they need at least.
expected<queue_sizes> size_queues(std::size_t memory_share, std::size_t partitions);

} // namespace weir::kafka
