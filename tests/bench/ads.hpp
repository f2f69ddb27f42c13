// The data of the ad benchmark: JSON events of about 240 bytes and the campaigns of their ads, the
// same on every run.
#pragma once

#include "lines.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir::bench {

inline constexpr std::size_t ads = 1'000;
inline constexpr std::size_t campaigns = 100;
inline constexpr std::int64_t window_ms = 10'000;
inline constexpr std::int64_t first_event_ms = 1'767'225'600'000;
/// So many events share a millisecond: 5 million span some ten windows.
inline constexpr std::uint64_t events_per_ms = 50;

/// An identifier in the form of a UUID.
inline void append_id(std::uint64_t seed, std::string& out) {
  const auto a = mix(seed);
  const auto b = mix(a);
  fmt::format_to(std::back_inserter(out), "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32,
                 (a >> 16) & 0xffff, a & 0xffff, b >> 48, b & 0xffff'ffff'ffff);
}

inline std::vector<std::string> make_ads() {
  std::vector<std::string> ids(ads);
  for (std::uint64_t i = 0; i < ads; ++i)
    append_id(i, ids[i]);
  return ids;
}

constexpr std::size_t ad_of(std::uint64_t event) { return mix(event) % ads; }
constexpr std::int32_t campaign_of(std::size_t ad) {
  return static_cast<std::int32_t>(ad % campaigns);
}
constexpr bool is_view(std::uint64_t event) { return mix(event + 1) % 3 == 0; }
constexpr std::int64_t time_of(std::uint64_t event) {
  return first_event_ms + static_cast<std::int64_t>(event / events_per_ms);
}

/// Event `i`. A third are views.
inline void make_event(std::uint64_t i, const std::vector<std::string>& ad_ids, std::string& json) {
  constexpr const char* kinds[] = {"banner", "modal", "sponsored-search", "mail", "mobile"};
  const auto random = mix(i + 2);
  json = "{\"user_id\":\"";
  append_id(random, json);
  json += "\",\"page_id\":\"";
  append_id(random % 10'000, json);
  fmt::format_to(std::back_inserter(json),
                 "\",\"ad_id\":\"{}\",\"ad_type\":\"{}\",\"event_type\":\"{}\",\"event_time\":{},"
                 "\"ip_address\":\"10.{}.{}.{}\"}}",
                 ad_ids[ad_of(i)], kinds[random % 5],
                 is_view(i)        ? "view"
                 : random % 2 == 0 ? "click"
                                   : "purchase",
                 time_of(i), random % 256, random / 256 % 256, random / 65'536 % 256);
}

/// Number of views by campaign and beginning of the window.
using view_counts = std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t>;

/// What the first `events` events come to.
inline view_counts expected_views(std::uint64_t events) {
  view_counts counts;
  for (std::uint64_t i = 0; i < events; ++i)
    if (is_view(i))
      ++counts[{campaign_of(ad_of(i)), time_of(i) / window_ms * window_ms}];
  return counts;
}

} // namespace weir::bench
