// Where the impressions are: the Kafka cluster inside this process, or the user's.
#pragma once

#include "settings.hpp"

#include <weir/connectors/kafka.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace impressions {

struct cluster {
  std::optional<weir::kafka::embedded_broker> embedded;
  std::string brokers;
  std::int32_t partitions = 0;

  /// The embedded cluster drops the oldest records beyond 5 MiB per partition without a word.
  /// @returns an error once it has dropped one that lies behind `read`, which the job still needs.
  [[nodiscard]] weir::expected<void>
  check_retention(const std::vector<weir::offset_range>& read) const;
};

/// Starts the embedded cluster, or finds the user's, and makes sure the topic is there.
weir::expected<cluster> open_cluster(const settings& from);

/// How the job reads and how the load is written, on this cluster.
weir::kafka::direct_stream_options reading(const settings& from, const cluster& at,
                                           weir::kafka::starting_offsets start);
weir::kafka::producer_options writing(const settings& from, const cluster& at);

} // namespace impressions
