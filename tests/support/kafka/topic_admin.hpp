// Creates, fills, reads and inspects topics of a real broker. The broker itself: broker.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::testing_support {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// A record to be produced. One instance is reused for all records of a call, so a filler that
/// assigns to `value` allocates nothing after warm-up.
struct outgoing_record {
  static constexpr std::int32_t by_key =
      -1; ///< librdkafka's partitioner: by key; at random without one.

  std::optional<std::string> key;   ///< nullopt: null key.
  std::optional<std::string> value; ///< nullopt: null value (a tombstone).
  std::int32_t partition = by_key;
  std::int64_t timestamp_ms = 0; ///< Unix time; 0: now.
  header_list headers;
};

/// A record as read back.
struct stored_record {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  header_list headers;
};

enum class transaction_end { commit, abort, leave_open };

/// How to produce. Without a transactional id the producer is idempotent: no record twice, order
/// per partition kept.
struct produce_options {
  std::string transactional_id; ///< Not empty: all records go into one transaction.
  transaction_end end =
      transaction_end::commit; ///< `leave_open`: as if the producer had died after a flush.
  int batch_bytes = 65'536; ///< Largest record batch. Readers take whole batches, so it bounds how
                            ///< finely they can limit their memory.
};

enum class isolation { read_committed, read_uncommitted };

/// Talks to one broker through librdkafka. Every call waits for its effect and throws
/// std::runtime_error, with the broker's reason, when there is none. Threads: one at a time.
class topic_admin {
public:
  using properties = std::map<std::string, std::string>;

  /// @param client librdkafka properties for every handle, such as those that
  /// real_broker::sasl_ssl_client() returns.
  explicit topic_admin(std::string bootstrap, properties client = {});
  ~topic_admin();
  topic_admin(topic_admin&&) noexcept;
  topic_admin& operator=(topic_admin&&) noexcept;

  /// Returns once every partition has a leader.
  void create_topic(const std::string& topic, std::int32_t partitions,
                    const properties& configs = {});
  void delete_topic(const std::string& topic);
  /// Grows a topic to `total` partitions.
  void create_partitions(const std::string& topic, std::int32_t total);
  /// Deletes the records of a partition before offset `before`.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t before);
  void delete_group(const std::string& group);

  std::int32_t partition_count(const std::string& topic);
  /// First offset of each partition; rises after delete_records and with retention.
  std::vector<std::int64_t> begin_offsets(const std::string& topic);
  /// Offset after the last record of each partition (high watermark).
  std::vector<std::int64_t> end_offsets(const std::string& topic);
  /// What a group has committed per partition; nullopt where it has not.
  std::vector<std::optional<std::int64_t>> committed_offsets(const std::string& group,
                                                             const std::string& topic);
  /// Commits for a group without members, e.g. to start a job in the middle.
  void commit_offsets(const std::string& group, const std::string& topic,
                      const std::vector<std::int64_t>& next);

  /// Produces `count` records; `fill(i, record)` sets record i, i = 0, 1, ... Returns when the
  /// broker has acknowledged all.
  void produce(const std::string& topic, std::uint64_t count,
               const std::function<void(std::uint64_t, outgoing_record&)>& fill,
               const produce_options& options = {});
  /// The same for a handful of values without keys, all into one partition.
  void produce(const std::string& topic, const std::vector<std::string>& values,
               std::int32_t partition = 0);

  /// All records of a topic as of now, by partition and offset.
  std::vector<stored_record> consume_all(const std::string& topic,
                                         isolation level = isolation::read_committed);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::testing_support
