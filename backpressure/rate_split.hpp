// Divides one job rate over partitions by lag. Next: runtime/batch_generator.hpp (the next plan).
#pragma once

#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace weir {

/// What waits in one partition when a batch is planned.
struct partition_backlog {
  partition_id partition{};
  std::uint64_t lag = 0;       ///< Records not read yet.
  std::optional<double> cap{}; ///< Records this batch at most, beside the ceiling; nullopt: none.
};

/// Divides a number of records over partitions: nine tenths in proportion to their lag, one tenth
/// evenly, so that a quiet partition does not wait behind a deep one.
///
/// Water-filling: what a partition cannot use, because of its lag, its cap or its ceiling, goes to
/// the others, so the shares add up to the whole as long as anybody can use it. A floor is served
/// first, to partitions that have lag. What nobody can use now is spread over all: a limit above
/// the lag says that the data bounds the batch and not the rate. Fractions are kept per partition
/// and paid out in a later batch: a small rate neither starves a partition nor rounds to a zero
/// that could be taken for "unlimited". Threads: none of its own; one controller owns it.
class rate_split {
public:
  /// @param batch_records what the batch may take in all, >= 0, fractions allowed.
  /// @param floor         records of this batch each partition with lag is sure of, >= 0; all
  /// floors together yield to
  ///                      `batch_records`.
  /// @param ceiling       records of this batch no partition may exceed; nullopt: none.
  /// @returns a share per backlog, in the order given, always with a number.
  std::vector<partition_share> divide(double batch_records,
                                      std::span<const partition_backlog> backlogs, double floor = 0,
                                      std::optional<double> ceiling = std::nullopt);

private:
  struct carried {
    partition_id partition{};
    double fraction = 0; ///< In [0, 1): promised and not given yet.
  };

  [[nodiscard]] double fraction_of(partition_id partition) const noexcept;

  std::vector<carried> carried_;
};

} // namespace weir
