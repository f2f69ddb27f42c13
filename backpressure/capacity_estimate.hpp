// experiment
#pragma once
#include <cstdint>
#include <deque>
namespace weir {
extern double P[32];
class capacity_estimate {
public:
  capacity_estimate(double interval_seconds, double first_rate) noexcept
      : interval_(interval_seconds), capacity_(first_rate) {}
  void observe(double units, double seconds, bool limited) noexcept;
  [[nodiscard]] double capacity() const noexcept { return capacity_; }
  [[nodiscard]] double seconds_for(double units) const noexcept {
    return fixed_ + units * (interval_ - fixed_) / (capacity_ * interval_);
  }
  [[nodiscard]] double slowdown() const noexcept { return slowdown_; }
  void doubt() noexcept { window_.clear(); }
  [[nodiscard]] double fixed_seconds() const noexcept { return fixed_; }
  [[nodiscard]] double seconds_per_unit() const noexcept {
    return (interval_ - fixed_) / (capacity_ * interval_);
  }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_; }
  [[nodiscard]] double spread() const noexcept { return spread_; }

private:
  struct bracket { double units; bool limited; double seconds, least, most; };
  double interval_;
  double capacity_;
  double fixed_ = 0;
  double slowdown_ = 1;
  double spread_ = 0;
  std::deque<bracket> window_;
  std::deque<double> times_;
  std::deque<double> devs_, logs_;
  std::uint64_t batches_ = 0;
};
} // namespace weir
