// Holds what a receiver reads of one partition of open-ended batches to its rate. Beside
// rate_limiter.hpp, which does the counting.
#pragma once

#include <weir/backpressure/rate_limiter.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace weir {

/// A token bucket whose burst follows its rate. Between batches it keeps its tokens. Threads: none
/// of its own; one receiver owns it.
class read_pacer {
public:
  /// From now on at most `rate` records/s; nullopt: unlimited. The very first record may be read at
  /// once; the stock that a rest leaves must be earned: so the first interval of a job, too, reads
  /// no more than its rate gives, and that record.
  void begin(std::optional<double> rate, steady_time now) noexcept {
    tokens_.set_rate(rate, now);
    tokens_.set_burst(rate.value_or(0) * seconds_of(burst));
  }

  /// How many of `wanted` records may be read now.
  std::uint64_t take(std::uint64_t wanted, steady_time now) noexcept {
    return tokens_.take(wanted, now);
  }

  /// That many of them have not been read after all.
  void give_back(std::uint64_t unread) noexcept { tokens_.give_back(unread); }

  /// When reading `wanted` records is worth another try; nullopt: not before `begin` sets a rate.
  [[nodiscard]] std::optional<steady_time> next(std::uint64_t wanted,
                                                steady_time now) const noexcept {
    const auto wait = tokens_.wait_for(wanted, now);
    return wait ? std::optional(now + *wait) : std::nullopt;
  }

private:
  /// What a rest may make up for. Long enough that a limited receiver is not woken for each record.
  static constexpr duration burst = std::chrono::milliseconds(10);

  rate_limiter tokens_{0.0};
};

} // namespace weir
