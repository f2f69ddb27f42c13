// One partition as a fetch handle reads it: its queue and how far it has come.
#pragma once

#include <weir/backpressure/read_pacer.hpp>
#include <weir/connectors/kafka/internal/handles.hpp>
#include <weir/connectors/kafka/record.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace weir::kafka {

/// Belongs to one receiver; changed by the control thread only while no receiver runs.
///
/// Offsets have gaps (compaction, control records, aborted transactions), so progress is a
/// position, not a count: `next` is the smallest offset that can still come. It is at or behind
/// `settled`, the end of the last whole range.
struct lane {
  std::string topic;
  std::int32_t partition = 0;
  topic_ptr handle;
  queue_ptr queue;

  std::int64_t next = 0;
  std::int64_t settled = 0;
  std::int64_t until = 0;  ///< End of the open range.
  std::uint32_t range = 0; ///< Index of the open range in its batch.
  bool open = false;       ///< The open range is not read to its end.
  bool touched = false;    ///< Something of an unfinished range has been taken out of the queue.
  bool waits_for_repair = false; ///< Fetching has stopped: the position is not in the log.
  bool in_doubt = false;         ///< Not read until it is known whether the log is still the same.
  bool stale = false; ///< What is queued is of another log: to be dropped before the next range.
  read_pacer pacer{}; ///< Of open-ended batches.
  bool rests = false; ///< The pacer allows nothing now.
  std::optional<owned_record> held; ///< Read past `until`; the first record of a later range.
};

} // namespace weir::kafka
