// Kafka through receivers: a consumer group pushes what it gets. Next: internal/group_receiver.hpp.
#pragma once

#include <weir/connectors/kafka/options.hpp>
#include <weir/connectors/kafka/record.hpp>
#include <weir/connectors/push/options.hpp>
#include <weir/operators/stream.hpp>

#include <map>
#include <string>
#include <vector>

namespace weir::kafka {

/// Input from a consumer group whose members are receivers.
struct receiver_stream_options {
  std::string brokers{};             ///< "host:port,host:port". Required.
  std::vector<std::string> topics{}; ///< Names. Required.
  std::string group{};               ///< Consumer group. Required.
  bool from_beginning = false;  ///< Where partitions without a committed offset begin: at their
                                ///< beginning, else at their end.
  bool include_headers = false; ///< Costs time per record, so it is off.

  /// How long a start of a receiver may wait for a broker before it is tried again later. > 0.
  std::chrono::milliseconds connect_timeout{10'000};
  /// librdkafka's own properties, verbatim; as for a direct stream.
  std::map<std::string, std::string> properties{};

  /// Buffer, block interval, and `write_ahead_log =
  /// weir::write_ahead<weir::kafka::record>(folder)`.
  push_options push{.name = "kafka"};
  restart_options restarts{};
  std::uint32_t receivers = 1; ///< >= 1. Members of the group; each is a partition of the stream.

  /// Checks everything that can be checked without a broker.
  /// @returns errc::invalid_config naming the option or property, its value, the reason and the
  /// remedy.
  [[nodiscard]] expected<void> check() const;
};

/// Records of Kafka topics as they come, at least once: an offset is committed once its record is
/// in a complete batch or, with a write-ahead log, once the log has it. `direct_stream` does with
/// less and can do more; this form is for jobs that want the log, or whose batches must not depend
/// on a broker.
///
/// A topic that is deleted and made anew needs another group and another log: what is at an offset
/// below one that a receiver has stored counts as received.
[[nodiscard]] stream<record>
receiver_stream(context& to, receiver_stream_options options,
                std::source_location where = std::source_location::current());

} // namespace weir::kafka

/// For the write-ahead log. Decoded records point into the bytes, and to their headers in `room`.
template <>
struct weir::codec<weir::kafka::record> {
  static void encode(const kafka::record& r, std::string& out);
  static expected<kafka::record> decode(std::string_view& in, arena& room);
};
