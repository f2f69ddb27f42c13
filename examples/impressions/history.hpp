// What is remembered of each batch, and the verdict over all of them. Next: terminal.hpp.
#pragma once

#include <weir/weir.hpp>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace impressions {

/// The figures of one batch.
struct batch_figures {
  weir::batch_time time{};
  double input_rate = 0;         ///< Records/s that arrived at the brokers since the batch before.
  std::optional<double> limit{}; ///< Records/s that rate control allowed; nullopt: no limit.
  std::uint64_t records = 0;
  std::uint32_t merged_ticks =
      0; ///< Batch times that passed without a batch, since the one before.
  weir::duration scheduling_delay{};
  weir::duration processing_time{};
  std::int64_t lag = 0;       ///< Unread records, all partitions.
  std::int64_t worst_lag = 0; ///< Of the partition with the most.

  [[nodiscard]] weir::duration total_delay() const { return scheduling_delay + processing_time; }
};

/// Keeps the figures of all batches. Thread-safe.
class history final : public weir::listener {
public:
  void on_finished(const weir::batch_report& report) override;

  [[nodiscard]] std::vector<batch_figures> batches() const;
  [[nodiscard]] std::optional<batch_figures> last() const;
  /// Of the last batch that had records.
  [[nodiscard]] std::vector<weir::offset_range> last_ranges() const;
  /// Where the next batch begins, by partition.
  [[nodiscard]] std::vector<weir::offset_range> read() const;
  /// Batches that did not complete.
  [[nodiscard]] std::size_t failed() const;

private:
  mutable std::mutex mutex_;
  std::vector<batch_figures> batches_;
  std::vector<weir::offset_range> last_ranges_;
  std::vector<weir::offset_range> read_;
  weir::batch_time before_{};
  std::int64_t arrived_before_ = 0;
  std::size_t failed_ = 0;
};

/// Something that the job must get over: the surge, or a stall.
struct disturbance {
  std::string name;
  weir::wall_time begin{};
  weir::wall_time end{};   ///< Of a stall; the surge is judged from its begin, so there `begin`.
  std::size_t batches = 0; ///< Since its end; a batch time without one counts.
  std::size_t settled_after = 0; ///< How many of them until none was delayed too much any more.
};

/// What the disturbances did to the job, against what is promised.
struct verdict {
  static constexpr std::size_t most_batches = 10;

  std::vector<disturbance> disturbances; ///< In the order of time. Each lasts until the next.
  weir::duration allowed_delay{};        ///< Half an interval.
  weir::duration worst_scheduling_delay{};
  weir::duration worst_total_delay{};
  std::int64_t peak_lag = 0;
  std::int64_t peak_partition_lag = 0;
  std::int64_t lag_at_end = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;

  [[nodiscard]] bool controlled() const {
    return std::ranges::all_of(disturbances, [](const disturbance& d) {
      return d.batches > 0 && d.settled_after <= most_batches;
    });
  }
  [[nodiscard]] bool complete() const { return in == out && lag_at_end == 0; }
  [[nodiscard]] bool held() const { return controlled() && complete(); }

  /// The last line: "verdict: held, in = out", or what does not hold.
  [[nodiscard]] std::string line() const;
};

verdict judge(const std::vector<batch_figures>& batches, weir::duration interval,
              std::vector<disturbance> disturbances, std::int64_t in, std::int64_t out);

} // namespace impressions
