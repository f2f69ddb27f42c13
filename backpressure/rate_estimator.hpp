// Interface: timing of a finished batch in, a rate out. Next: pid_rate_estimator.hpp.
#pragma once

#include <weir/runtime/batch_timing.hpp>

#include <optional>

namespace weir {

/// Turns the timing of finished batches into a rate. Owned by one controller, called from the
/// control thread only.
class rate_estimator {
public:
  virtual ~rate_estimator() = default;

  /// Folds one finished batch into the estimate.
  /// @returns the new rate in units/s over all partitions, or nullopt when the batch tells nothing.
  virtual std::optional<double> update(const batch_timing& batch) noexcept = 0;
};

} // namespace weir
