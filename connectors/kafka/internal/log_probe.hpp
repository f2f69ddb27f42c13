// Looks for single records, to know a log again. Blocks, so it runs on the helper thread.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>

#include <span>
#include <vector>

namespace weir::kafka {

/// Offsets of a partition among which a record is looked for.
struct probe {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t from = 0;
  std::int64_t until = 0; ///< Behind the last one; above `from`.
};

struct probe_answer {
  bool known = false;              ///< The broker has answered.
  std::optional<witness> record{}; ///< The last one that the probe covers, if there is one.
};

/// Reads with a handle that has nothing assigned, and leaves it so.
/// @param timeout what came in it counts; the rest is not known.
std::vector<probe_answer> last_records(const fetch_client& by, std::span<const probe> wanted,
                                       milliseconds timeout);

} // namespace weir::kafka
