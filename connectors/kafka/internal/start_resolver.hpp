// Finds where partitions begin: committed offsets, bounds of the logs, times. Blocks, so it runs on
// the helper thread.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>
#include <weir/connectors/kafka/internal/member.hpp>
#include <weir/connectors/kafka/internal/start_rule.hpp>

#include <functional>
#include <vector>

namespace weir::kafka {

/// What a search for starting positions needs. References outlive the call.
struct start_query {
  const direct_stream_options& options;
  const fetch_client& asker; ///< A handle that does not fetch.
  member* group = nullptr;   ///< Null without a group.
  bool prefer_committed = true;
  bool later =
      false; ///< Partitions found after the stream began: newcomers unless the group knows them.
  std::function<bool()> go_on; ///< False: give up.
  log_hook log;
};

/// Positions of `partitions`, in order.
/// @returns errc::offset_out_of_range under `data_loss::fail`, or why the brokers did not answer.
expected<std::vector<start_position>> resolve_starts(std::vector<start_position> partitions,
                                                     const start_query& query);

/// Where to go on with a partition whose position has left the log.
expected<start_decision> resolve_repair(const repair& found, const start_query& query);

} // namespace weir::kafka
