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
  std::optional<double> ceiling{}; ///< Units/s of this partition alone; the controller makes a cap
                                   ///< of it. nullopt: none.
};

/// Divides a number of records over partitions: nine tenths in proportion to their lag, one tenth
/// evenly, so that a quiet partition does not wait behind a deep one.
///
/// Water-filling: what a partition cannot use, because of its lag, its cap or its ceiling, goes to
/// the others, so the shares add up to the whole as long as anybody can use it. A floor is served
/// first, to partitions that have lag. What nobody can use now is spread over all: a limit above
/// the lag says that the data bounds the batch and not the rate.
///
/// The shares are whole and add up to the whole of the batch; its fraction goes to the next one.
/// Whoever is owed most gets the records that are left when shares are cut to whole numbers, so at
/// a low rate partitions take turns, and over time each gets what it was due. A ceiling is kept in
/// all: where one allows no further record yet, the batch is short of it and a later one has it.
/// Threads: none of its own; one controller owns it.
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
    double fraction = 0; ///< Promised and not given, -1 to 1: below 0 it was given early.
    double allowed = 0;  ///< What its bounds left over, 0 to 1; 0 without bounds.
  };

  [[nodiscard]] carried carried_by(partition_id partition, std::size_t likely) const noexcept;

  std::vector<carried> carried_;
  double carried_whole_ = 0; ///< Promised to all and not given.
  std::size_t turn_ = 0;     ///< Who comes first among equals.
};

} // namespace weir
