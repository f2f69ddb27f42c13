// What rate control is told of batches: those that have finished, and those that have not. Next:
// backpressure/rate_controller.hpp.
#pragma once

#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <span>

namespace weir {

/// Batches that were cut and are not finished. They were cut at an older rate: the dead time of the
/// control loop.
struct work_in_flight {
  std::uint32_t batches = 0;         ///< The running one included.
  std::uint64_t records = 0;         ///< Their records together.
  std::uint64_t bytes = 0;           ///< Their bytes together; may stay 0 when the unit is records.
  std::uint64_t running_records = 0; ///< Records of the running batch; 0 when none runs.
  std::uint64_t running_bytes = 0;   ///< Bytes of the running batch.
  duration running_for{};            ///< How long the running batch has been running.
};

/// What one partition had of a batch. `busy` is the time spent on its records, summed over the
/// stages that know it.
struct partition_timing {
  partition_id partition{};
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  duration busy{};
};

/// Everything about a finished batch that rate control needs.
struct batch_timing {
  steady_time end{}; ///< When its last sink committed, on the control clock (any epoch).
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;     ///< Needed when the unit is bytes.
  duration processing_time{};  ///< Start to last commit.
  duration scheduling_delay{}; ///< Submission to start.
  bool limited = true;         ///< Some partition had more lag than the batch took.
  work_in_flight unfinished{}; ///< What was cut and is not finished at `end`; nothing runs yet.
  /// For scope partition; may be empty. Read during the call only.
  std::span<const partition_timing> partitions{};
  std::uint32_t workers = 1; ///< How many partitions are worked on at the same time, at most.
};

} // namespace weir
