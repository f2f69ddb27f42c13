#include <weir/runtime/batch.hpp>

#include <fmt/format.h>

namespace weir {

std::string describe_ranges(const batch& whole) {
  constexpr int most = 4;
  std::string text = fmt::format("batch {} ms", milliseconds_of(whole.time));
  int shown = 0;
  int left = 0;
  for (const auto& part : whole.sources)
    for (const auto& range : part.ranges) {
      if (range.empty() && !whole.open_ended)
        continue;
      if (shown == most) {
        ++left;
        continue;
      }
      text += fmt::format("{} {}/{} [{}, ", shown++ == 0 ? ":" : ",", range.topic, range.partition,
                          range.from);
      text += range.empty() ? "...)" : fmt::format("{})", range.until);
    }
  if (left > 0)
    text += fmt::format(" and {} more ranges", left);
  return text;
}

} // namespace weir
