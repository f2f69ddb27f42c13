// Token bucket that a push receiver asks before it reads. Next: runtime/receiver.hpp.
#pragma once

#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>

namespace weir {

/// Lets through `rate` units per second, and after a rest at most `burst` at once.
///
/// Tokens are a double, so fractions add up: 0.1/s lets one record through every ten seconds, and
/// is never read as "unlimited" (that is nullopt). Time is passed in and may not go backwards; a
/// step back counts as no time. Threads: none of its own; one receiver owns it.
class rate_limiter {
public:
  /// @param rate  units/s, >= 0; nullopt: unlimited. @param burst largest stock of tokens, >= 1
  /// units.
  explicit rate_limiter(std::optional<double> rate, double burst = 1.0) noexcept;

  /// Takes up to `wanted` tokens. @returns how many were taken, whole units.
  std::uint64_t take(std::uint64_t wanted, steady_time now) noexcept;

  /// Puts back what was taken and not used.
  void give_back(std::uint64_t unused) noexcept;

  /// How long until `wanted` tokens are there (capped at the burst). @returns nullopt when that
  /// never happens (rate 0).
  [[nodiscard]] std::optional<duration> wait_for(std::uint64_t wanted,
                                                 steady_time now) const noexcept;

  /// Another rate from `now` on; tokens earned so far are kept.
  void set_rate(std::optional<double> rate, steady_time now) noexcept;

  /// Another largest stock of tokens, >= 1 units.
  void set_burst(double burst) noexcept;

  [[nodiscard]] std::optional<double> rate() const noexcept { return rate_; }

private:
  [[nodiscard]] double tokens_at(steady_time now) const noexcept;

  std::optional<double> rate_;
  double burst_;
  double tokens_;
  std::optional<steady_time> last_;
};

} // namespace weir
