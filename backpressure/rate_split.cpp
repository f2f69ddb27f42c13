// Water-filling by lag.
#include <weir/backpressure/rate_split.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir {

namespace {

/// Part of a batch that is divided evenly before the rest goes by lag: a quiet partition beside a
/// deep one gets its few records now and not when the deep one has been drained.
constexpr double even_part = 0.1;

constexpr double unbounded = std::numeric_limits<double>::infinity();

/// One partition while a batch is divided, in records with fractions.
struct pool {
  double weight = 0;
  double room = 0;  ///< What it may still take.
  double level = 0; ///< What it was given.
};

/// Pours `amount` into the pools by weight, again and again from those that overflow into those
/// that have room.
/// @returns what found no room.
double pour(double amount, std::vector<pool>& pools) {
  for (std::size_t round = 0; round < pools.size() && amount > 0; ++round) {
    double weight = 0;
    for (const auto& p : pools)
      weight += p.room > 0 ? p.weight : 0;
    if (!(weight > 0))
      break;
    double spilled = 0;
    for (auto& p : pools) {
      if (!(p.room > 0))
        continue;
      const double share = amount * p.weight / weight;
      const double taken = std::min(share, p.room);
      p.level += taken;
      p.room = share < p.room ? p.room - taken : 0; // exactly 0 when full, whatever the rounding
      spilled += share - taken;
    }
    amount = spilled;
  }
  return amount;
}

} // namespace

std::vector<partition_share> rate_split::divide(double batch_records,
                                                std::span<const partition_backlog> backlogs,
                                                double floor, std::optional<double> ceiling) {
  const auto most = [&](const partition_backlog& b) { // whatever its lag
    return std::max(std::min(b.cap.value_or(unbounded), ceiling.value_or(unbounded)), 0.0);
  };
  std::vector<pool> pools;
  pools.reserve(backlogs.size());
  double floors = 0;
  for (const auto& b : backlogs) {
    const double room = std::min(static_cast<double>(b.lag), most(b));
    pools.push_back({.weight = 1, .room = room});
    floors += std::min(floor, room);
  }

  batch_records = std::max(batch_records, 0.0);
  const double scale =
      floors > batch_records ? batch_records / floors : 1.0; // floors yield to the whole
  double rest = batch_records;
  for (auto& p : pools) {
    const double sure = std::min(floor, p.room) * scale;
    p.level = sure;
    p.room -= sure;
    rest -= sure;
  }
  const double even = rest * even_part;
  const double spilled = pour(even, pools);
  for (std::size_t i = 0; i < pools.size(); ++i)
    pools[i].weight = static_cast<double>(backlogs[i].lag);
  const double spare = pour(rest - even + spilled, pools);
  for (std::size_t i = 0; i < pools.size();
       ++i) { // a limit above the lag says that the rate does not bind
    pools[i].weight = 1;
    pools[i].room = most(backlogs[i]) - pools[i].level;
  }
  pour(spare, pools);

  std::vector<partition_share> shares;
  shares.reserve(backlogs.size());
  std::vector<carried> kept;
  kept.reserve(backlogs.size());
  for (std::size_t i = 0; i < backlogs.size(); ++i) {
    constexpr double rounding = 1e-9; // 0.1 ten times is 1
    const double promised = pools[i].level + fraction_of(backlogs[i].partition);
    const double whole = std::floor(promised + rounding);
    kept.push_back({backlogs[i].partition, std::max(promised - whole, 0.0)});
    shares.push_back({backlogs[i].partition, static_cast<std::uint64_t>(std::min(whole, 9e18))});
  }
  carried_ = std::move(kept);
  return shares;
}

double rate_split::fraction_of(partition_id partition) const noexcept {
  const auto it = std::ranges::find(carried_, partition, &carried::partition);
  return it == carried_.end() ? 0.0 : it->fraction;
}

} // namespace weir
