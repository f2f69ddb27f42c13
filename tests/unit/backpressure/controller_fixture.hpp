// A rate controller driven by hand: ticks and finished batches in seconds. Used by the tests beside
// it.
#pragma once

#include <weir/backpressure/rate_controller.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <numeric>
#include <vector>

namespace weir::testing {

/// Seconds to a point on the control clock.
inline steady_time at(double seconds) {
  return steady_time{duration{static_cast<duration::rep>(seconds * 1e9)}};
}

inline duration span(double seconds) { return at(seconds).time_since_epoch(); }

inline std::vector<partition_backlog> lags(const std::vector<std::uint64_t>& records) {
  std::vector<partition_backlog> all;
  for (std::uint32_t i = 0; i < records.size(); ++i)
    all.push_back({.partition = partition_id{i}, .lag = records[i]});
  return all;
}

/// A controller with a 1 s interval (or another one).
struct controlled {
  explicit controlled(rate_control_options options = {}, double seconds = 1.0)
      : interval(seconds), controller(*rate_controller::make(span(seconds), std::move(options))) {}

  /// Limits of a batch cut at this second.
  std::vector<partition_share> cut(double now, const std::vector<std::uint64_t>& records,
                                   work_in_flight unfinished = {}) {
    return controller.limits({.now = at(now), .interval = span(interval), .unfinished = unfinished},
                             lags(records));
  }

  /// Sum of the limits; every partition must have one.
  std::uint64_t cut_sum(double now, const std::vector<std::uint64_t>& records,
                        work_in_flight unfinished = {}) {
    std::uint64_t sum = 0;
    for (const auto& share : cut(now, records, unfinished)) {
      REQUIRE(share.max_records);
      sum += *share.max_records;
    }
    return sum;
  }

  /// A batch that ended at this second.
  rate_decision finish(double end, std::uint64_t records, double processing, double delay = 0) {
    return controller.on_batch({.end = at(end),
                                .records = records,
                                .processing_time = span(processing),
                                .scheduling_delay = span(delay)});
  }

  double interval;
  rate_controller controller;
};

} // namespace weir::testing
