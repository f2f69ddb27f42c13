// How long to wait before the next attempt. Next: receiver_supervisor.hpp.
#pragma once

#include <weir/connectors/push/options.hpp>

#include <algorithm>
#include <random>

namespace weir::detail {

/// Delays that double from attempt to attempt, up to a bound, each shortened by chance.
class back_off {
public:
  back_off(restart_options options, std::uint64_t seed) : options_(options), chance_(seed) {}

  /// @param ran how long the attempt before lasted: one as long as the longest delay was a success,
  /// after which the delays begin anew.
  duration next(duration ran) {
    last_ = ran >= options_.max_delay || last_ == duration::zero()
                ? options_.delay
                : 2 * std::min(last_, options_.max_delay / 2);
    const double cut = std::uniform_real_distribution<double>(0, options_.jitter)(chance_);
    return last_ - duration(static_cast<duration::rep>(static_cast<double>(last_.count()) * cut));
  }

private:
  restart_options options_;
  std::mt19937_64 chance_;
  duration last_{};
};

} // namespace weir::detail
