// What is said of a finished batch: counts, delays, offsets, rate, and where the time went. Next:
// listener.hpp.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/error.hpp>
#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// One source's part of a batch.
struct source_report {
  std::string name;
  std::vector<offset_range>
      ranges; ///< Range i is logical partition i; `range.lag()` is its lag in records.
  std::uint64_t records =
      0;                   ///< Records read; less than the ranges' counts where offsets have gaps.
  std::uint64_t bytes = 0; ///< Their charge: payload, keys and record headers in memory.
  std::int64_t lag = 0;    ///< Records unread when the batch was planned and not part of it.
  std::optional<std::uint64_t> allowed; ///< Records the rate limit allowed; nullopt: unlimited.
  rate_decision rate;                   ///< The rate from now on, and why.
  std::vector<error> errors; ///< What went wrong at the source since its last report and did not
                             ///< end the job, e.g. a receiver that is started again.
};

/// One node's part. `busy + blocked + idle` of all its replicas is `replicas` times the processing
/// time.
struct operator_report {
  node_id node;
  std::string name;
  std::uint32_t replicas = 0;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t dropped = 0;     ///< By the error policy.
  std::uint64_t late = 0;        ///< Left out because the watermark had passed them.
  std::uint64_t state_keys = 0;  ///< Keys with state, when the batch ended.
  std::uint64_t state_bytes = 0; ///< What their state takes in memory, its undo included.
  std::uint64_t evicted = 0;     ///< Keys whose state a limit removed (`ttl`, `max_keys`).
  duration busy{};               ///< In the operator's own code.
  duration blocked{};            ///< Waiting for credit or for the outside world.
  duration idle{};               ///< Waiting for input.
};

/// One assigner of timestamps.
struct watermark_report {
  node_id node;
  std::string name;
  watermark mark = watermark::min();     ///< What the batch ran with; `min()`: nothing was known.
  event_time latest = event_time::min(); ///< The latest event time so far.
};

struct edge_report {
  node_id from;
  node_id to;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t capacity_bytes = 0; ///< Credit of all its links together.
  duration send_wait{};             ///< Time blocks waited for credit, summed over links.
};

/// Everything about one batch. Durations are >= 0.
struct batch_report {
  weir::epoch epoch;
  batch_time time{};
  duration interval{};
  duration lateness{};         ///< Batch time to submission.
  duration scheduling_delay{}; ///< Submission to start.
  duration
      processing_time{}; ///< Start to the last sink's commit. Of an open-ended batch that is how
                         ///< long it was open, not how much there was to do; see `operators`.
  std::uint64_t records = 0; ///< Of all sources.
  std::uint64_t bytes = 0;
  std::uint64_t dropped = 0; ///< By error policies, in all operators.
  std::uint64_t late = 0;    ///< Records behind the watermark that operators left out.
  std::uint32_t merged_ticks =
      0; ///< Ticks that passed without a batch of their own since the batch before.
  /// By how much the wall clock was ahead of batch times when the batch was planned; negative:
  /// behind. Some nanoseconds, unless somebody has set the wall clock: batch times follow one that
  /// is ahead by more than the interval and a second from the next batch on, and none that is
  /// behind.
  duration clock_ahead{};
  std::uint32_t waiting_batches = 0; ///< Planned and not started when this one ended.
  std::vector<source_report> sources;
  std::vector<operator_report> operators;
  std::vector<edge_report> edges;
  std::vector<watermark_report> watermarks;
  std::optional<error>
      failure; ///< Why the batch did not complete; then nothing of it is committed.

  /// Submission to the last commit: the sum of scheduling delay and processing time.
  [[nodiscard]] duration total_delay() const noexcept { return scheduling_delay + processing_time; }
};

/// The report as one line of JSON; times in milliseconds, rates per second, field names as above
/// with units.
[[nodiscard]] std::string to_json(const batch_report& report);

} // namespace weir
