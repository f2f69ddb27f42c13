// Water-filling by lag.
#include <weir/backpressure/rate_split.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace weir {

namespace {

/// Part of a batch that is divided evenly before the rest goes by lag: a quiet partition beside a
/// deep one gets its few records now and not when the deep one has been drained.
constexpr double even_part = 0.1;

constexpr double rounding = 1e-9; // 0.1 ten times is 1

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

/// One partition while its share becomes a whole number.
struct whole_share {
  double promised = 0; ///< Its level and what it carries.
  double allowed = 0;  ///< What its bounds let it have, with what they carry.
  double most = 0;     ///< What it can use of that.
  double given = 0;
};

/// Gives away `whole` records, one more or less than promised where that has to be: those first
/// that are owed most, and among equals in turns.
/// @returns whose turn it is next.
std::size_t round_to(double whole, std::vector<whole_share>& all, std::size_t turn) {
  for (auto& a : all) {
    a.given = std::clamp(std::floor(a.promised + rounding), 0.0, a.most);
    whole -= a.given;
  }
  std::vector<std::size_t> able;
  for (int round = 0; round < 2 && std::abs(whole) >= 1; ++round) { // who was early may lack two
    const double change = whole > 0 ? 1 : -1;
    able.clear();
    for (std::size_t n = 0; n < all.size(); ++n) {
      const std::size_t i = (turn + n) % all.size();
      if (change > 0 ? all[i].given < all[i].most : all[i].given > 0)
        able.push_back(i);
    }
    const auto count = std::min(static_cast<double>(able.size()), std::abs(whole));
    const auto last = able.begin() + static_cast<std::ptrdiff_t>(count);
    std::ranges::stable_sort(able, std::greater{}, [&](std::size_t i) {
      return std::round((all[i].promised - all[i].given) * change / rounding);
    });
    for (auto i = able.begin(); i != last; ++i) {
      all[*i].given += change;
      turn = *i + 1;
    }
    whole -= change * std::floor(count);
  }
  return turn;
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

  std::vector<whole_share> all;
  all.reserve(backlogs.size());
  double levels = 0;
  for (std::size_t i = 0; i < backlogs.size(); ++i) {
    const auto old = carried_by(backlogs[i].partition, i);
    const double allowed = most(backlogs[i]) + old.allowed;
    const double useful = spare > rounding ? unbounded : static_cast<double>(backlogs[i].lag);
    all.push_back({.promised = pools[i].level + old.fraction,
                   .allowed = allowed,
                   .most = std::floor(std::min(useful, allowed) + rounding)});
    levels += pools[i].level;
  }
  const double whole = levels + carried_whole_;
  turn_ = round_to(std::floor(whole + rounding), all, turn_);

  std::vector<partition_share> shares;
  shares.reserve(backlogs.size());
  std::vector<carried> kept;
  kept.reserve(backlogs.size());
  double given = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& a = all[i];
    const double unused = std::isfinite(a.allowed) ? std::clamp(a.allowed - a.given, 0.0, 1.0) : 0;
    kept.push_back({.partition = backlogs[i].partition,
                    .fraction = std::clamp(a.promised - a.given, -1.0, 1.0),
                    .allowed = unused});
    shares.push_back({backlogs[i].partition, static_cast<std::uint64_t>(std::min(a.given, 9e18))});
    given += a.given;
  }
  carried_ = std::move(kept);
  carried_whole_ = std::clamp(whole - given, 0.0, static_cast<double>(all.size()));
  return shares;
}

rate_split::carried rate_split::carried_by(partition_id partition,
                                           std::size_t likely) const noexcept {
  if (likely < carried_.size() && carried_[likely].partition == partition)
    return carried_[likely];
  const auto it = std::ranges::find(carried_, partition, &carried::partition);
  return it == carried_.end() ? carried{} : *it;
}

} // namespace weir
