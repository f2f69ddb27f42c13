// Tells once when a job does not keep up, and why. Used by job.cpp.
#pragma once

#include <weir/runtime/batch_report.hpp>
#include <weir/runtime/internal/rate_governor.hpp>
#include <weir/runtime/log.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// Follows the batches of a job and logs, once until it is over: a batch that runs far longer than
/// its interval, a job whose batches wait longer and longer for their start, and lag that only
/// grows. Each message names the cause as far as it is known. Threads: the control thread.
class load_watch {
public:
  using logger = std::function<void(log_level, std::string_view)>;

  /// @param interval > 0.
  load_watch(duration interval, logger log) : interval_(interval), log_(std::move(log)) {}

  /// At a tick: what has been planned and not finished.
  void on_tick(const work_in_flight& work);
  /// A batch that has completed.
  void on_finished(const batch_report& report);

private:
  struct lag_of_source {
    std::int64_t last = 0;
    std::uint32_t grown = 0; ///< Batches in a row.
    bool told = false;
  };

  void watch_delay(const batch_report& report);
  void watch_lag(const source_report& source, lag_of_source& seen);

  duration interval_;
  logger log_;
  bool overdue_told_ = false; ///< Of the batch that runs.
  std::uint32_t late_ = 0;    ///< Batches in a row that started late.
  bool behind_told_ = false;
  std::vector<lag_of_source> sources_;
};

} // namespace weir
