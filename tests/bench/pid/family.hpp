// Plants drawn at random, and what a controller must do in all of them. Next: stalls.hpp.
#pragma once

#include "policies.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace pid {

/// One plant of the family.
struct family_plant {
  weir::plant_scenario scenario;
  bool saturated = false;  ///< The load is at least 1.5 of what fits; else light.
  double stall_share = 0;  ///< Of the ticks.
  std::vector<bool> steps; ///< Ticks at which the capacity jumps (index k - 1).
};

/// Draws plant `number` of the family that `family` names. Same arguments, same plant.
family_plant draw_plant(std::uint64_t family, std::uint64_t number);

/// The stalls of a plant as a run with this seed meets them: up to 3 % of the ticks, 0.5 to 5 T.
std::vector<double> draw_stalls(const family_plant& plant, std::uint64_t seed);

/// What is measured of a family, each figure against its bound: above 1 is a failure.
struct family_verdict {
  double stuck = 0;    ///< Unread at the end / (2 T of load), worst light plant.
  double starved = 0;  ///< 0.7 x the oracle's records / records, worst saturated plant.
  double work_low = 0; ///< 0.90 / 5th percentile of the work beside the law's.
  double work_mid = 0; ///< 1 / median of the same.
  double delay = 0;    ///< 95th percentile of (p95 delay - the law's) / 0.5 T.
  std::vector<std::size_t> starved_by_rate; ///< Plants whose rate was low without reason.
  double delay_mid = 0;                     ///< Median of (p95 delay - the law's) / T.
  std::size_t worst_stuck = 0;              ///< The number of the plant behind `stuck`.
  std::size_t worst_starved = 0;            ///< The number of the plant behind `starved`.

  [[nodiscard]] double ratio() const;
  [[nodiscard]] std::string text() const;
};

struct family_size {
  std::uint64_t family = 1;
  std::uint64_t plants = 2000;
  std::uint64_t seeds = 3;
};

/// Runs a policy in the whole family, the public law and the oracle beside it. Of each figure of a
/// plant the median over the seeds counts.
family_verdict judge_family(const family_size& size, policy_maker make);

} // namespace pid
