// Learns from the last batches how many records fit an interval. Next: pid_rate_estimator.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

/// The last `Size` numbers, the newest last.
template <class Value, std::size_t Size>
class last_values {
public:
  void push(Value value) noexcept {
    if (count_ == Size)
      for (std::size_t i = 1; i < Size; ++i)
        all_[i - 1] = all_[i];
    else
      ++count_;
    all_[count_ - 1] = value;
  }
  void clear() noexcept { count_ = 0; }

  [[nodiscard]] const Value* begin() const noexcept { return all_.data(); }
  [[nodiscard]] const Value* end() const noexcept { return all_.data() + count_; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool full() const noexcept { return count_ == Size; }
  [[nodiscard]] const Value& back() const noexcept { return all_[count_ - 1]; }
  [[nodiscard]] const Value& operator[](std::size_t i) const noexcept { return all_[i]; }

private:
  std::array<Value, Size> all_{};
  std::size_t count_ = 0;
};

/// Believes a rate of which an interval's worth just fits into an interval, and holds that belief
/// against each of the last three batches.
///
/// Problem: a single batch may be an outlier (a stall, noise), and a batch that does not fill its
/// interval cannot tell a fixed cost from a cost per record. Solution: each batch of `units` in
/// `seconds` gives a bracket. One end is units / seconds: no fixed cost. The other supposes the
/// largest fixed cost there can be, the time of the shortest batch of late. Both meet where a batch
/// just fills the interval. The belief stands while the middle (median) of the last three brackets
/// has it inside; else it moves to the nearer end, all the way when the distance is far outside the
/// noise seen of late and less far the nearer it is. Whatever is believed, it is not below half of
/// the least of the last three measured rates.
///
/// O(1), no allocation. Threads: none of its own; one controller owns it.
class capacity_estimate {
public:
  /// @param interval_seconds > 0. @param first_rate > 0, units/s that are believed to fit before
  /// any batch.
  capacity_estimate(double interval_seconds, double first_rate) noexcept
      : interval_(interval_seconds), capacity_(first_rate) {}

  /// Folds in a batch of `units` > 0 that took `seconds` > 0. @param took_all it took all it was
  /// allowed: more was there to be read.
  void observe(double units, double seconds, bool took_all) noexcept;

  /// Units per second of which an interval's worth just fits into one interval, > 0.
  [[nodiscard]] double capacity() const noexcept { return capacity_; }

  /// Seconds a batch of `units` is expected to take.
  [[nodiscard]] double seconds_for(double units) const noexcept {
    return fixed_ + seconds_per_unit() * units;
  }

  /// What a batch is expected to cost whatever its size: no more than the shortest small batch of
  /// late, and 0 when there was none.
  [[nodiscard]] double fixed_seconds() const noexcept { return fixed_; }
  /// What a unit is expected to cost beside that.
  [[nodiscard]] double seconds_per_unit() const noexcept {
    return (interval_ - fixed_) / (capacity_ * interval_);
  }

  /// Relative standard deviation of the times of like batches, in [0, 0.5]; 0 until it has shown.
  [[nodiscard]] double noise() const noexcept { return noise_; }

  /// Whether a batch has been held against the belief.
  [[nodiscard]] bool measured() const noexcept { return measured_; }

  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_; }

  /// The past may be outdated: the next batch alone is held against the belief.
  void doubt() noexcept;

private:
  /// What one batch says.
  struct evidence {
    double measured = 0;   ///< Units/s.
    double least = 0;      ///< Ends of the bracket, units/s.
    double most = 0;       ///< Infinite when the batch was too small to tell.
    bool had_room = false; ///< It took all it was allowed and left time of its interval over.
  };

  struct size_and_time {
    double units = 0;
    double seconds = 0;
  };

  void learn_fixed_cost(size_and_time batch) noexcept;
  void learn_noise(double measured) noexcept;
  [[nodiscard]] evidence judge(double units, double seconds, bool took_all) const noexcept;
  [[nodiscard]] double middle(double evidence::* end) const noexcept;

  double interval_;
  double capacity_;
  double fixed_ = 0;      ///< Seconds.
  double most_fixed_ = 0; ///< The shortest batch of late, at most half an interval.
  double noise_ = 0;
  std::uint64_t batches_ = 0;
  bool measured_ = false;
  last_values<evidence, 3> seen_;
  last_values<double, 3> logarithms_; ///< Of the measured rates.
  last_values<double, 21> kinks_; ///< How far a logarithm was from the middle of its neighbours.
  last_values<size_and_time, 30> lately_;
};

} // namespace weir
