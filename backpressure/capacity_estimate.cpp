// Brackets, medians, and how far to move.
#include <weir/backpressure/capacity_estimate.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir {

namespace {

/// Units below which a batch that was not limited tells nothing: clocks are too coarse.
constexpr double least_units = 20;

/// Of what is believed to fit: a smaller batch that ended in time, and after less than three times
/// the largest fixed cost there can be, cannot show that less fits.
constexpr double small = 0.5;
constexpr double like_fixed_cost = 3;

/// The newest batch is followed within so much of the middle of three: what drifts is met without
/// delay, what jumps waits for a second batch.
constexpr double near_the_middle = 0.1;

/// A belief as far off as so many standard deviations of the noise is dropped at once.
constexpr double certain = 8;

/// Batches that end within so much of the interval left room for more.
constexpr double room = 0.8;

constexpr double most_noise = 0.5; // beyond it, it is change rather than noise

/// Standard deviation of normal numbers, over the median distance of one from the middle of its
/// neighbours.
constexpr double deviation_per_kink = 1.4826 / 1.2247448713915890; // of sqrt(1 + 1/4 + 1/4)

/// The lower one of the two in the middle, of up to `Size` numbers; changes their order.
template <std::size_t Size>
double median(std::array<double, Size>& all, std::size_t count) noexcept {
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>((count - 1) / 2);
  std::nth_element(all.begin(), middle, all.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

} // namespace

void capacity_estimate::observe(double units, double seconds, bool took_all) noexcept {
  ++batches_;
  learn_fixed_cost({units, seconds});
  if (!took_all && units < least_units)
    return;
  measured_ = true;
  learn_noise(units / seconds);
  seen_.push(judge(units, seconds, took_all));

  const double least = middle(&evidence::least);
  const double most = std::max(middle(&evidence::most), least);
  const double distance = std::log(std::clamp(capacity_, least, most) / capacity_);
  // Noise explains a distance up to this; not to one batch that stands alone.
  const double doubtful = seen_.size() > 1 ? certain * noise_ : 0.0;
  const double share = std::abs(distance) < doubtful ? std::abs(distance) / doubtful : 1.0;
  capacity_ *= std::exp(share * distance);

  if (std::ranges::all_of(seen_, &evidence::had_room))
    capacity_ = std::max(capacity_, seen_.back().least * std::exp(-noise_));
  capacity_ = std::max(capacity_, std::ranges::min(seen_, {}, &evidence::measured).measured / 2);
}

void capacity_estimate::doubt() noexcept {
  seen_.clear();
  logarithms_.clear();
}

void capacity_estimate::learn_fixed_cost(size_and_time batch) noexcept {
  lately_.push(batch);
  most_fixed_ = fixed_ = interval_ / 2;
  bool seen = false;
  for (const auto& [units, seconds] : lately_) {
    most_fixed_ = std::min(most_fixed_, seconds);
    if (units < small * capacity_ * interval_) {
      fixed_ = std::min(fixed_, seconds);
      seen = true;
    }
  }
  if (!seen)
    fixed_ = 0;
}

capacity_estimate::evidence capacity_estimate::judge(double units, double seconds,
                                                     bool took_all) const noexcept {
  constexpr double unknown = std::numeric_limits<double>::infinity();
  const double without = units / seconds;
  const double with = seconds > most_fixed_
                          ? (interval_ - most_fixed_) / interval_ * units / (seconds - most_fixed_)
                          : unknown;
  const bool tells_little = units < small * capacity_ * interval_ && seconds <= interval_ &&
                            seconds < like_fixed_cost * most_fixed_;
  return {.measured = without,
          .least = std::min(without, with),
          .most = tells_little ? unknown : std::max(without, with),
          .had_room = took_all && seconds <= room * interval_};
}

/// A straight line has no kinks: what drifts or grows by the same factor is not taken for noise.
void capacity_estimate::learn_noise(double measured) noexcept {
  logarithms_.push(std::log(measured));
  if (logarithms_.full())
    kinks_.push(std::abs(logarithms_[1] - (logarithms_[0] + logarithms_[2]) / 2));
  std::array<double, 21> all{}; // none is shown until half of them have been seen
  std::ranges::copy(kinks_, all.begin());
  noise_ = std::min(deviation_per_kink * median(all, all.size()), most_noise);
}

/// The median of one end of the last brackets, or the newest if that is near it.
double capacity_estimate::middle(double evidence::* end) const noexcept {
  std::array<double, 3> ends{};
  std::ranges::transform(seen_, ends.begin(), end);
  const double newest = seen_.back().*end;
  const double middle = median(ends, seen_.size());
  return std::clamp(newest, middle * (1 - near_the_middle), middle * (1 + near_the_middle));
}

} // namespace weir
