// Joins of two streams by key and event time, of each kind, with rows in one form.
#pragma once

#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>

#include <optional>

namespace weir::test::intervals {

using std::chrono::milliseconds;

using record = std::pair<int, int>; // time and key
using inputs = weir::test::two_inputs<record, record>;
using side = std::optional<int>;
using row = timed<std::pair<int, std::pair<side, side>>>; // key, times of both sides
using rows = std::vector<std::vector<row>>;

inline event_time at(int time) { return event_time(milliseconds(time)); }

/// Timed (key, time) records.
inline auto by_key(const weir::stream<record>& in, int disorder) {
  return in
      .assign_timestamps([](const record& r) { return at(r.first); },
                         {.max_out_of_orderness = milliseconds(disorder), .idle_after = {}})
      .map([](const record& r) { return std::pair(r.second, r.first); });
}

enum class kind { inner, left, right, full, semi };

/// The rows of each batch, whatever the kind, in one form.
inline rows joined(weir::context_options options, const std::vector<inputs>& batches, kind how,
                   int disorder, int lower, int upper) {
  return weir::test::joined_rows(options, batches, [&](auto left_in, auto right_in) {
    const auto left = by_key(left_in, disorder);
    const auto right = by_key(right_in, disorder);
    const auto from = milliseconds(lower);
    const auto until = milliseconds(upper);
    const auto same = [](const auto& r) {
      return std::pair(r.first, std::pair<side, side>(r.second.first, r.second.second));
    };
    switch (how) {
    case kind::inner:
      return left.interval_join(right, from, until).map(same).share();
    case kind::left:
      return left.left_interval_join(right, from, until).map(same).share();
    case kind::right:
      return left.right_interval_join(right, from, until).map(same).share();
    case kind::full:
      return left.full_interval_join(right, from, until).map(same).share();
    default:
      return left.semi_interval_join(right, from, until)
          .map([](const std::pair<int, int>& r) {
            return std::pair(r.first, std::pair<side, side>(r.second, std::nullopt));
          })
          .share();
    }
  });
}

inline row of(int time, int key, side left, side right) { return {at(time), {key, {left, right}}}; }
} // namespace weir::test::intervals
