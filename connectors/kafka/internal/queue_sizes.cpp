#include <weir/connectors/kafka/internal/queue_sizes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir::kafka {

namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;

/// Below this a partition fetches a handful of records per request.
constexpr std::int64_t least_per_partition = 96 * kib;

/// Above these a larger queue reads more slowly, because what waits in all of them together leaves
/// the cache before it is read, and a reader that falls behind once stays behind: words of 5 M
/// records of 73 bytes in 18 partitions were counted at 4.1 M/s with 10,000 messages and 256 KiB
/// per partition, and at 5.1 M/s with 1,000 and 64 KiB. Half of that again halves the rate.
constexpr std::int64_t most_messages_together = 18'000;
constexpr std::int64_t most_fetched_together = 3 * mib / 2;
constexpr std::int64_t enough_messages = 1'000;
constexpr std::int64_t most_messages = 10'000;
constexpr std::int64_t most_kbytes = 4 * kib;
constexpr std::int64_t enough_partition_bytes = 64 * kib;
constexpr std::int64_t most_partition_bytes = 256 * kib;

} // namespace

property_list queue_sizes::as_properties() const {
  return {{"queued.min.messages", std::to_string(min_messages)},
          {"queued.max.messages.kbytes", std::to_string(max_kbytes)},
          {"max.partition.fetch.bytes", std::to_string(partition_bytes)},
          {"fetch.max.bytes", std::to_string(fetch_bytes)}};
}

expected<queue_sizes> size_queues(std::size_t memory_share, std::size_t partitions) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(1, partitions));
  const auto each = static_cast<std::int64_t>(memory_share) / count;
  if (each < least_per_partition)
    return error{
        errc::out_of_budget,
        fmt::format("the Kafka client may take {} KiB for {} partitions, but each needs {} KiB at "
                    "least; raise the "
                    "memory budget to give it {} MiB, or read fewer partitions per process",
                    static_cast<std::int64_t>(memory_share) / kib, count, least_per_partition / kib,
                    (least_per_partition * count + mib - 1) / mib)};
  queue_sizes sizes;
  sizes.partition_bytes = std::clamp(
      each / 6, 16 * kib,
      std::clamp(most_fetched_together / count, enough_partition_bytes, most_partition_bytes));
  const auto rest = each - sizes.partition_bytes;
  // Small records weigh by their number, large ones by their bytes: half for each.
  sizes.min_messages =
      std::min(rest / 2 / queue_sizes::message_overhead,
               std::clamp(most_messages_together / count, enough_messages, most_messages));
  sizes.max_kbytes = std::clamp((rest - sizes.min_messages * queue_sizes::message_overhead) / kib,
                                std::int64_t{1}, most_kbytes);
  sizes.fetch_bytes =
      std::max(count * sizes.partition_bytes, mib); // librdkafka wants at least message.max.bytes
  return sizes;
}

} // namespace weir::kafka
