// Where reading a partition begins, and what a gap means. Logic only, no client.
#pragma once

#include <weir/connectors/kafka/internal/log_evidence.hpp>
#include <weir/connectors/kafka/options.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace weir::kafka {

/// What is known of a partition before it is read.
struct partition_facts {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t low = 0; ///< Oldest offset there is.
  std::int64_t end = 0; ///< Behind the newest one a reader may see.
  /// Behind the newest one there is, where that is known to be more: a transaction is open.
  std::optional<std::int64_t> high{};
  std::optional<std::int64_t> committed{}; ///< By the group; unset when it does not count.
  std::optional<std::int64_t>
      at_time{}; ///< Answer to `starting_offsets::at_time`; unset when there is no such record.
  bool newcomer = false; ///< Added to its topic after the group or this stream began to read it.
};

/// Where to begin, or to go on.
struct start_decision {
  std::int64_t offset = 0;
  std::int64_t gap = 0; ///< Offsets that the data-loss policy skipped, or re-reads when the log was
                        ///< cut: their number.
};

/// The offset that is wanted, whether or not it is in the log: the committed one, then by `start`;
/// a newcomer begins at its beginning.
[[nodiscard]] std::int64_t wanted_offset(const partition_facts& facts,
                                         const starting_offsets& start);

/// Decides for the offset that is wanted. Where a transaction is open it may lie behind the end
/// that a reader sees: reading waits there. One outside `[low, end]` otherwise goes to the
/// data-loss policy.
/// @returns errc::offset_out_of_range naming topic, partition, offset, bounds and remedy under
/// `data_loss::fail`.
expected<start_decision> decide_start(const partition_facts& facts,
                                      const direct_stream_options& options);

/// Where to go on with a partition whose log is another one than before.
/// @param verdict what told them apart: not `same`.
/// @param position first offset of the old log that was not read.
/// @param old_end its end, as far as it was seen.
/// @returns errc::offset_out_of_range under `data_loss::fail`.
expected<start_decision> decide_anew(const partition_facts& facts, log_verdict verdict,
                                     std::int64_t position, std::int64_t old_end, data_loss policy);

/// Applies the data-loss policy to a position outside `[low, end]`.
/// @param wanted_by what the position came from, for the message, e.g. "committed offset".
expected<start_decision> apply_data_loss(const partition_facts& facts, std::int64_t position,
                                         std::string_view wanted_by, data_loss policy);

} // namespace weir::kafka
