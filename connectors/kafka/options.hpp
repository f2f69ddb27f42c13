// What a user can say about reading from Kafka and writing to it. Next: direct_stream.hpp.
#pragma once

#include <weir/connectors/kafka/offset_committer.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/time.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weir::kafka {

/// Partitions of one topic.
struct topic_partitions {
  std::string topic{};
  std::vector<std::int32_t> partitions{}; ///< Empty: all of them, also those that are added later.
};

/// One place in a topic.
struct partition_offset {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t offset = 0; ///< Next offset to read; >= 0, or one of the two below.

  static constexpr std::int64_t beginning = -2; ///< The oldest record there is.
  static constexpr std::int64_t end = -1;       ///< Behind the newest record.
};

/// Where reading begins when the group has no committed offset. Partitions that appear later begin
/// at their beginning, whatever is said here: otherwise their first records could be missed.
class starting_offsets {
public:
  enum class kind { earliest, latest, listed, at_time };

  static starting_offsets earliest() { return starting_offsets(kind::earliest); }
  static starting_offsets latest() { return starting_offsets(kind::latest); }

  /// One offset per partition. A partition that is not listed begins at its beginning; one that is
  /// listed and not read by the stream is a mistake.
  static starting_offsets at(std::vector<partition_offset> places) {
    starting_offsets s(kind::listed);
    s.places_ = std::move(places);
    return s;
  }

  /// The first record whose timestamp is at or after `time`; the end where there is none.
  static starting_offsets at_time(event_time time) {
    starting_offsets s(kind::at_time);
    s.time_ = time;
    return s;
  }

  [[nodiscard]] kind which() const noexcept { return kind_; }
  [[nodiscard]] const std::vector<partition_offset>& places() const noexcept { return places_; }
  [[nodiscard]] event_time time() const noexcept { return time_; }

private:
  explicit starting_offsets(kind k) : kind_(k) {}

  kind kind_;
  std::vector<partition_offset> places_{};
  event_time time_{};
};

/// What to do when records are gone that the job still wanted: deleted by retention, cut off, or a
/// topic made anew.
enum class data_loss {
  fail,     ///< End the job with errc::offset_out_of_range.
  earliest, ///< Go on at the oldest record there is; the gap is counted and logged.
  latest,   ///< Go on at the end; the gap is counted and logged.
};

/// Who writes the group's offsets.
enum class offset_commits {
  automatic, ///< weir, after a batch is complete and every sink has acknowledged it.
  manual,    ///< The user, by `offset_committer::commit_async`.
};

/// Input from Kafka. Exactly one of `topics`, `topic_pattern` and `assign` is given.
///
/// - `topics` or `topic_pattern` with a `group`: the processes of the group share the partitions.
/// Those of a process that was killed stay unread for `session.timeout.ms`, by default 45 s.
/// - the same without a group: this process reads all partitions and commits nothing.
/// - `assign`: this process reads what is listed; with a group it starts at the group's offsets and
/// commits there.
struct direct_stream_options {
  std::string brokers{};             ///< "host:port,host:port". Required.
  std::vector<std::string> topics{}; ///< Names.
  /// Regular expression (POSIX extended) over whole topic names. Internal topics, whose names begin
  /// with "__", are read only where an alternative of it is their name.
  std::string topic_pattern{};
  std::vector<topic_partitions> assign{}; ///< Fixed partitions.
  std::string group{};                    ///< Consumer group; empty for none.

  starting_offsets start =
      starting_offsets::latest(); ///< For partitions without a committed offset.
  bool prefer_committed = true;   ///< Whether the group's committed offsets win over `start`.
  data_loss on_data_loss = data_loss::fail;
  offset_commits offsets = offset_commits::automatic;
  std::optional<offset_committer> committer{}; ///< Needed to commit when `offsets` is manual.
  bool include_headers = false;                ///< Costs time per record, so it is off.

  /// How long the start may wait for a broker before it fails with errc::unreachable_broker. > 0.
  std::chrono::milliseconds connect_timeout{10'000};
  /// How often to look for new partitions and topics. 1 s to 60 s.
  std::chrono::milliseconds discovery_interval{30'000};
  /// Kafka clients that read side by side; 0: as many as worker threads, at most one per partition.
  std::uint32_t consumers = 0;
  /// librdkafka's own properties, verbatim, e.g. {"security.protocol", "SASL_SSL"}. weir refuses
  /// those it must own.
  std::map<std::string, std::string> properties{};

  /// Checks everything that can be checked without a broker.
  /// @returns errc::invalid_config naming the option or property, its value, the reason and the
  /// remedy.
  [[nodiscard]] expected<void> check() const;
};

/// Output to Kafka.
struct producer_options {
  std::string brokers{}; ///< "host:port,host:port". Required.
  std::string topic{};   ///< For records that name none themselves.

  /// How a record without a partition gets one, by librdkafka's names: "murmur2_random" places keys
  /// as the Java client does; also "random", "consistent", "consistent_random", "murmur2", "fnv1a",
  /// "fnv1a_random".
  std::string partitioner = "murmur2_random";
  bool idempotent = true; ///< The broker drops what a retry sends twice, and order is kept.

  /// How long the start may wait for a broker before it fails with errc::unreachable_broker. > 0.
  std::chrono::milliseconds connect_timeout{10'000};
  /// How long a record may wait for its acknowledgement before the batch fails. > 0.
  std::chrono::milliseconds delivery_timeout{120'000};
  /// Bytes that may wait in the client of one replica for the broker, each record with 256 more
  /// than its own; less where the replica's share of the job's memory budget is less. Full: the
  /// sink withholds credit. >= 1 MiB.
  std::size_t max_queued_bytes = 32 * 1024 * 1024;
  /// librdkafka's own properties, verbatim, e.g. {"linger.ms", "20"}, {"compression.type", "zstd"}.
  std::map<std::string, std::string> properties{};

  /// Checks everything that can be checked without a broker.
  /// @returns errc::invalid_config naming the option or property, its value, the reason and the
  /// remedy.
  [[nodiscard]] expected<void> check() const;
};

} // namespace weir::kafka
