// Finds where partitions begin: committed offsets, bounds of the logs, times. Blocks, so it runs on
// the helper thread.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>
#include <weir/connectors/kafka/internal/log_watch.hpp>
#include <weir/connectors/kafka/internal/member.hpp>
#include <weir/connectors/kafka/internal/start_rule.hpp>

#include <functional>
#include <vector>

namespace weir::kafka {

/// What a search for starting positions needs. References outlive the call.
struct start_query {
  const direct_stream_options& options;
  const fetch_client& asker; ///< A handle that does not fetch.
  const log_watch& watch;
  member* group = nullptr; ///< Null without a group.
  bool prefer_committed = true;
  bool patient = true; ///< Whether a topic that is not there may come in a moment.
  bool later =
      false; ///< Partitions found after the stream began: newcomers unless the group knows them.
  std::function<bool()> go_on; ///< False: give up.
  log_hook log;
  /// A handle like `asker` to which records of open transactions count; made when it is needed.
  std::function<expected<std::shared_ptr<fetch_client>>()> uncommitted;
};

/// Positions of `partitions`, in order, and what is to be remembered of their logs.
/// @returns errc::offset_out_of_range under `data_loss::fail`, or why the brokers did not answer.
expected<std::vector<start_position>> resolve_starts(std::vector<start_position> partitions,
                                                     const start_query& query);

/// Where to go on with a partition whose position has left the log.
struct repair_decision {
  start_decision start;
  std::optional<start_position> anew{}; ///< The log is another one: begin here.
};

/// Decides for a position that is not in the log, or a topic that was not there for a moment.
/// @returns errc::unknown_topic when it stays away; or as `resolve_starts`.
expected<repair_decision> resolve_repair(const repair& found, const start_query& query);

} // namespace weir::kafka
