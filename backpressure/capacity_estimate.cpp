#include <weir/backpressure/capacity_estimate.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>
#include <string>
#include <limits>
namespace weir {
double P[32];
static int init = [] {
  const double def[] = {3, 30, 99, 0.3, 5, 0.5, 0.5, 0, 2.5, 1, 1, 9, 0.1, 6, 6, 1.5, 2, 2, 0.8, 1};
  for (int i = 0; i < 32; ++i) {
    const auto* e = std::getenv(("P" + std::to_string(i)).c_str());
    P[i] = e ? std::atof(e) : i < 20 ? def[i] : 0;
  }
  return 0;
}();
static double median(std::vector<double> v) {
  std::ranges::sort(v);
  auto n = v.size();
  return (v[(n - 1) / 2] + v[n / 2]) / 2;
}
void capacity_estimate::observe(double units, double seconds, bool limited) noexcept {
  times_.push_back(seconds);
  if (times_.size() > P[1]) times_.pop_front();
  fixed_ = std::min(*std::ranges::min_element(times_), interval_ / 2);
  const double was = seconds_for(units);
  slowdown_ = seconds > P[2] * was ? seconds / was : 1;
  ++batches_;
  if (!limited && units < 20) return;
  const double whole = units / seconds;
  const double without_fixed = seconds > fixed_ ? (interval_ - fixed_) / interval_ * units / (seconds - fixed_)
                                         : std::numeric_limits<double>::infinity();
  const bool small = units < P[5] * capacity_ * interval_ && seconds <= interval_;
  std::erase_if(window_, [&](auto& b) { return b.units < P[7] * units; });
  if (small)
    window_.push_back({units, limited, seconds, whole, std::numeric_limits<double>::infinity()});
  else
    window_.push_back({units, limited, seconds, std::min(whole, without_fixed), std::max(whole, without_fixed)});
  if (window_.size() > P[0]) window_.pop_front();
  logs_.push_back(std::log(whole));
  if (logs_.size() > 3) logs_.pop_front();
  if (logs_.size() == 3) devs_.push_back(std::abs(logs_[1] - (logs_[0] + logs_[2]) / 2));
  if (devs_.size() > P[11]) devs_.pop_front();
  auto dv = std::vector<double>(devs_.begin(), devs_.end());
  dv.resize(P[11], 0.0);
  spread_ = std::min(1.4826 / std::sqrt(1.5) * median(dv), 0.7);
  std::vector<double> l, u;
  for (auto& b : window_) l.push_back(b.least), u.push_back(b.most);
  auto near = [](double x, double m) { return std::clamp(x, m * (1 - P[12]), m * (1 + P[12])); };
  const double lo = near(l.back(), median(l));
  const double hi = std::max(lo, near(u.back(), median(u)));
  const double to = std::clamp(capacity_, lo, hi);
  const double d = std::log(to / capacity_);
  const double c = (d > 0 ? P[13] : P[14]) * spread_;
  const double gain = std::abs(d) >= c ? 1.0 : std::pow(std::abs(d) / c, P[15]);
  capacity_ *= std::exp(gain * d);
  if (std::ranges::all_of(window_, [&](auto& b) { return b.limited && b.seconds <= P[18] * interval_; }))
    capacity_ = std::max(capacity_, l.back() * std::exp(-P[19] * spread_));
  if (window_.size() >= P[17]) capacity_ = std::clamp(capacity_, *std::ranges::min_element(l), std::max(*std::ranges::min_element(l), *std::ranges::max_element(u)));
}
}
