// What the job asks of rate control, per source. Implemented in context.cpp by
// backpressure/rate_controller.hpp.
#pragma once

#include <weir/runtime/batch_timing.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/source.hpp>

#include <optional>
#include <vector>

namespace weir {

/// One source's rate control. Owned and called by the control thread.
class rate_governor {
public:
  virtual ~rate_governor() = default;

  /// @returns a limit in records per partition, in the order given; nullopt: unlimited.
  virtual std::vector<std::optional<std::uint64_t>>
  limits(steady_time now, const work_in_flight& unfinished,
         const std::vector<partition_position>& unread) = 0;
  /// Rate at which a source may take records in, units/s; nullopt: unlimited, as long as nothing
  /// has been measured.
  [[nodiscard]] virtual std::optional<double> rate() const = 0;
  /// Learns from one source's part of a finished batch.
  virtual rate_decision on_batch(const batch_timing& timing) = 0;
  virtual expected<void> set_gains(pid_gains gains) = 0;
  virtual expected<void> set_limits(const rate_limits& limits) = 0;
};

} // namespace weir
