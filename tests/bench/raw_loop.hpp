// The loops that weir is measured against: the fastest hand-written librdkafka consumers we know,
// no framework.
#pragma once

#include "ads.hpp"

#include <cstdint>
#include <string>

namespace weir::bench {

/// librdkafka's queues. Both sides of a comparison get the same.
struct client_settings {
  std::int64_t min_messages = 10'000;     ///< queued.min.messages
  std::int64_t max_kbytes = 4'096;        ///< queued.max.messages.kbytes
  std::int64_t partition_bytes = 262'144; ///< max.partition.fetch.bytes
  std::int64_t fetch_bytes = 8 << 20;     ///< fetch.max.bytes
  std::int64_t fetch_wait_ms = 20;        ///< fetch.wait.max.ms
};

/// Which queue a thread reads. Neither is faster everywhere.
enum class raw_queue {
  partition, ///< One queue per partition, in turn.
  consumer,  ///< All partitions of a consumer in one queue, with the limits of all of them.
};

struct raw_options {
  std::string brokers, topic;
  unsigned threads =
      1; ///< One consumer and one thread each; partition p belongs to thread p mod threads.
  client_settings client;
  raw_queue queue = raw_queue::partition;
};

struct raw_result {
  std::uint64_t records = 0, bytes = 0;
  std::uint64_t words = 0, distinct = 0; ///< word_count only
  view_counts views;                     ///< ad_windows only
  /// From the moment when the client's queues are full to the last record of the topic, as long as
  /// it was at the start; tables merged.
  double seconds = 0;
};

raw_result raw_count(const raw_options& options);
raw_result raw_word_count(const raw_options& options);
/// Parses JSON events, keeps views, looks up the campaign of the ad, counts by campaign and window.
raw_result raw_ad_windows(const raw_options& options);

} // namespace weir::bench
