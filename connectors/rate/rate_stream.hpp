// Numbered rows at a known rate, for tests, demos and benchmarks. Next on the data path:
// runtime/block_builder.hpp.
#pragma once

#include <weir/operators/stream.hpp>
#include <weir/runtime/context.hpp>

#include <cstdint>
#include <optional>
#include <source_location>

namespace weir {

/// What both streams of this file yield.
struct rate_row {
  event_time timestamp;
  std::int64_t value = 0;
  friend bool operator==(const rate_row&, const rate_row&) = default;
};

/// How many rows come when.
struct rate_options {
  std::int64_t rows_per_second = 1; ///< 1 to 10^9, once the ramp is over.
  /// >= 0. In second s of the ramp, counted from 1, come s x (rows_per_second / (ramp_up + 1))
  /// rows, the division without its rest.
  std::chrono::seconds ramp_up{0};
  std::uint32_t partitions = 1; ///< 1 to 65,536.
  /// When second 0 begins, in whole milliseconds. nullopt: when the job starts; else rows are the
  /// same in every run.
  std::optional<event_time> start{};

  /// @returns errc::invalid_config naming the field, its value and the allowed range.
  [[nodiscard]] expected<void> check() const;
};

/// Rows that come by the context's clock, in whole seconds. Values count from 0; partition i of n
/// holds the values v with v % n == i. The timestamps of a second's rows are spread evenly over it.
/// Which rows there are, and each row's timestamp, depends on the options and `start` alone, not on
/// where batches are cut.
///
///     weir::rate_stream(*ctx, {.rows_per_second = 1'000, .ramp_up = 10s})
[[nodiscard]] stream<rate_row>
rate_stream(context& to, rate_options options = {},
            std::source_location where = std::source_location::current());

/// The same number of rows in every batch.
struct rate_per_batch_options {
  std::int64_t rows_per_batch = 1;          ///< 1 to 10^9.
  std::uint32_t partitions = 1;             ///< 1 to 65,536.
  event_time start{};                       ///< >= 1970. Timestamp of the first batch's rows.
  std::chrono::milliseconds advance{1'000}; ///< >= 0. Added to the timestamp with each batch.

  /// @returns errc::invalid_config naming the field, its value and the allowed range.
  [[nodiscard]] expected<void> check() const;
};

/// Batch k, counted from 0, holds the values from k x rows_per_batch on, all with the timestamp
/// start + k x advance, whatever the clock says and without a rate limit. The triggers
/// `available_now` and `once` run one batch.
[[nodiscard]] stream<rate_row>
rate_per_batch_stream(context& to, rate_per_batch_options options = {},
                      std::source_location where = std::source_location::current());

/// The sources by themselves, for other executors and for tests. Their `open` checks the options.
[[nodiscard]] source_factory make_rate_source(rate_options options);
[[nodiscard]] source_factory make_rate_per_batch_source(rate_per_batch_options options);

} // namespace weir
