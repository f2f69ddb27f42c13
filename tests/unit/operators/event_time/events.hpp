// Keyed events with a time, and their counts in windows: what the tests of windows work on.
#pragma once

#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <string>
#include <vector>

namespace weir::test {

struct event {
  int time = 0;
  std::string key;
  friend auto operator<=>(const event&, const event&) = default;
};

inline event_time at(int time) { return event_time(std::chrono::milliseconds(time)); }

using event_count = windowed<std::string, std::int64_t>;
using batches = std::vector<partitioned<event>>;
using counts = std::vector<std::vector<event_count>>;

inline event_count of(int start, int end, std::string key, std::int64_t n) {
  return {{at(start), at(end)}, std::move(key), n};
}

/// Timed (key, time) records; 5 ms out of order.
inline auto keyed_by_time(const stream<event>& in,
                          std::chrono::milliseconds disorder = std::chrono::milliseconds(5)) {
  return in
      .assign_timestamps([](const event& e) { return at(e.time); },
                         {.max_out_of_orderness = disorder})
      .map([](const event& e) { return std::pair<std::string, int>(e.key, e.time); });
}

} // namespace weir::test
