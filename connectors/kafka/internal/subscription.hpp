// Which partitions a stream without membership reads: what its options name, as the brokers know it
// now.
#pragma once

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/partition_table.hpp>
#include <weir/connectors/kafka/options.hpp>

#include <memory>
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

  /// Whether partitions can be added while the stream runs.
  [[nodiscard]] bool grows() const noexcept { return grows_; }

private:
  struct pattern;
  std::vector<topic_partitions> named_;
  std::shared_ptr<const pattern> pattern_;
  bool grows_ = false;
};

} // namespace weir::kafka
