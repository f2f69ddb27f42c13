// Which partitions a stream without membership reads: what its options name, as the brokers know it
// now.
#pragma once

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/partition_table.hpp>
#include <weir/connectors/kafka/internal/topic_filter.hpp>
#include <weir/connectors/kafka/options.hpp>

#include <optional>
#include <string>
#include <vector>

namespace weir::kafka {

/// Turns `topics`, `topic_pattern` or `assign` into partitions. Immutable; any thread.
class subscription {
public:
  /// @returns errc::invalid_config when the pattern is no regular expression.
  static expected<subscription> make(const direct_stream_options& options);

  /// Asks the brokers. Blocks up to `timeout`. Topics matched by a pattern may be none.
  /// @returns errc::unknown_topic for a topic or partition that was named and does not exist.
  expected<std::vector<start_position>> resolve(const client& broker, milliseconds timeout) const;

  /// Checks that every place belongs to a topic that the options mean and, given the partitions
  /// that there are, to one of those.
  /// @returns errc::invalid_config naming the first that does not.
  [[nodiscard]] expected<void>
  check_places(const std::vector<partition_offset>& places,
               const std::vector<start_position>* there = nullptr) const;

  /// Whether the options mean this topic.
  [[nodiscard]] bool reads(const std::string& topic) const;

  /// Whether a pattern spells out the name of an internal topic.
  [[nodiscard]] bool names_internal_topics() const noexcept {
    return pattern_ && !pattern_->named().empty();
  }

  /// Whether partitions can be added while the stream runs.
  [[nodiscard]] bool grows() const noexcept { return grows_; }

private:
  std::vector<topic_partitions> named_;
  std::optional<topic_filter> pattern_;
  bool grows_ = false;
};

} // namespace weir::kafka
