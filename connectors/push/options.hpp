// What a push source can be told. Next: receiver.hpp, inlet.hpp.
#pragma once

#include <weir/runtime/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace weir {

/// How records are buffered between whoever pushes them and the job.
struct push_options {
  std::string name = "push"; ///< Of the source, in reports.
  /// >= 1 ms. Age at which records become a block, as far as it is not full before; blocks also end
  /// with the batch interval when that is shorter.
  duration block_interval = std::chrono::milliseconds(200);
  /// Records of one receiver that are not in a complete batch yet; 0: bounded by bytes alone.
  std::size_t max_records = 0;
  /// Their bytes; 0: the source's share of the memory budget, divided by its receivers. More than
  /// that is never taken.
  std::size_t max_bytes = 0;
  /// > 0, records/s of all receivers; nullopt: only the rate control of the context limits.
  std::optional<double> max_rate{};
};

/// When a receiver that failed is started again.
struct restart_options {
  duration delay = std::chrono::seconds(2);     ///< >= 0. Before the first attempt.
  duration max_delay = std::chrono::minutes(1); ///< >= delay. Each further attempt waits twice as
                                                ///< long, up to this.
  double jitter = 0.2; ///< 0 to 1: the part of a delay that is drawn by chance, so that many
                       ///< receivers do not come back at once.
};

} // namespace weir
