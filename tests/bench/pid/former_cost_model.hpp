// Learns what a batch costs: a fixed part and a part per record. Part of former_controller.hpp.
#pragma once

#include <cstdint>

namespace pid {

/// Fits `seconds = fixed + per_unit * units` to the batches seen, recursively.
///
/// Problem: one batch cannot tell a fixed cost from a cost per record, a fixed cost makes small
/// batches look slow, and noise moves any single measurement. Solution: a Kalman filter over the
/// two costs. It starts from a prior (no fixed cost, the first-batch rate just fits an interval),
/// weighs each batch by the noise seen so far, keeps what a batch cannot tell apart, forgets
/// slowly, and doubts itself when a batch is far outside its expectation. No cost is negative, and
/// no batch more than ten times as large as any seen is believed to fit an interval. O(1), no
/// allocation. Threads: none of its own; one controller owns it.
class former_cost_model {
public:
  /// @param interval_seconds > 0. @param first_rate > 0, units/s that are believed to fit an
  /// interval before any batch.
  former_cost_model(double interval_seconds, double first_rate) noexcept;

  /// Folds in a batch of `units` > 0 that took `seconds` > 0.
  void observe(double units, double seconds) noexcept;

  /// Seconds a batch of `units` is expected to take.
  [[nodiscard]] double seconds_for(double units) const noexcept {
    return fixed_ + per_unit_ * units;
  }

  /// Units per second such that one interval's worth just fits into one interval, > 0; less while
  /// that is a guess.
  [[nodiscard]] double capacity() const noexcept;

  /// The costs may have changed unseen: keeps them as a guess, ready to be overruled by the next
  /// batch.
  void doubt() noexcept;

  [[nodiscard]] double fixed_seconds() const noexcept { return fixed_; }
  [[nodiscard]] double seconds_per_unit() const noexcept { return per_unit_; }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_; }

private:
  void correct(double units, double residual, double variance) noexcept;
  void keep_positive() noexcept;
  void limit_uncertainty(double seconds) noexcept;
  [[nodiscard]] double variance_at(double units) const noexcept;
  [[nodiscard]] double least_per_unit() const noexcept;

  double interval_;
  double largest_;   ///< Units of the largest batch seen, or believed to fit before any.
  double fixed_ = 0; ///< Seconds per batch, >= 0.
  double per_unit_;  ///< Seconds per unit, >= 0.
  double var_fixed_; ///< Variances and covariance of the two: what is not known yet.
  double var_per_unit_;
  double covariance_ = 0;
  double noise_; ///< Relative standard deviation of a batch's time.
  std::uint64_t batches_ = 0;
};

} // namespace pid
