// What the job asks of rate control, per source. Implemented in context.cpp by
// backpressure/rate_controller.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/internal/transport.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/source.hpp>

#include <optional>
#include <vector>

namespace weir {

/// Batches planned and not finished when a limit is asked for.
struct unfinished_work {
  std::uint32_t batches = 0; ///< The running one included.
  std::uint64_t records = 0;
  std::uint64_t running_records = 0;
  duration running_for{};
};

/// One source's part of a finished batch.
struct source_timing {
  steady_time end{};          ///< Monotonic time of the last commit.
  duration processing_time{}; ///< Of the whole batch.
  duration scheduling_delay{};
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  bool limited = true;                    ///< Some partition had more to read than the batch took.
  std::vector<partition_work> partitions; ///< Busy time by partition.
  std::vector<std::uint64_t> partition_records; ///< Planned records by partition.
  unfinished_work unfinished;
  std::uint32_t workers =
      1; ///< Worker threads: how many partitions are worked on at the same time, at most.
};

/// One source's rate control. Owned and called by the control thread.
class rate_governor {
public:
  virtual ~rate_governor() = default;

  /// @returns a limit in records per partition, in the order given; nullopt: unlimited.
  virtual std::vector<std::optional<std::uint64_t>>
  limits(steady_time now, const unfinished_work& unfinished,
         const std::vector<partition_position>& unread) = 0;
  /// Rate at which a source may take records in, units/s; nullopt: unlimited, as long as nothing has
  /// been measured.
  [[nodiscard]] virtual std::optional<double> rate() const = 0;
  virtual rate_decision on_batch(const source_timing& timing) = 0;
  virtual expected<void> set_gains(pid_gains gains) = 0;
  virtual expected<void> set_limits(const rate_limits& limits) = 0;
};

} // namespace weir
