#include <weir/operators/detail/batch_place.hpp>

#include <weir/runtime/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

namespace weir::detail {

namespace {

/// Source, topic, partition, `from`, and whether records were read for all that is known: of an
/// open-ended batch nobody knows yet.
using part = std::tuple<std::string, std::string, std::int32_t, std::int64_t, bool>;

const offset_range* find(const batch& in, const part& of) {
  for (const auto& source : in.sources)
    if (source.name == std::get<0>(of))
      for (const auto& range : source.ranges)
        if (range.topic == std::get<1>(of) && range.partition == std::get<2>(of))
          return &range;
  return nullptr;
}

} // namespace

std::string place_of(const batch& whole) {
  std::vector<part> parts;
  for (const auto& source : whole.sources)
    for (const auto& range : source.ranges)
      if (whole.open_ended || !range.empty())
        parts.emplace_back(source.name, range.topic, range.partition, range.from,
                           !whole.open_ended);
  return encoded(parts);
}

expected<bool> counts_before(std::string_view place, const batch& next) {
  const auto parts = decoded<std::vector<part>>(place);
  if (!parts)
    return error(parts.error()).with("reading which batch a store has prepared");
  const part* again = nullptr;
  const part* further = nullptr;
  for (const auto& one : *parts)
    if (const auto* range = find(next, one))
      (range->from == std::get<3>(one) ? again : further) = &one;
  if (again && further && std::get<4>(*again))
    return error(
        errc::invalid_state,
        fmt::format(
            "a store has prepared a batch that began at {} [{}] offset {} and at {} [{}] offset "
            "{}; reading goes on from the first, but not from the second, so neither with nor "
            "without it is the state that of the positions. Set the positions to where the "
            "batch began, or to its end, for all partitions",
            std::get<1>(*again), std::get<2>(*again), std::get<3>(*again), std::get<1>(*further),
            std::get<2>(*further), std::get<3>(*further)));
  return further || !again;
}

} // namespace weir::detail
