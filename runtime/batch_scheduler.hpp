// Runs batches in order, one open at a time; a bounded number wait. Next: executor.hpp, then
// listener.hpp.
#pragma once

#include <weir/runtime/batch.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace weir {

/// A batch on its way through the scheduler.
struct planned_batch {
  std::shared_ptr<batch> whole; ///< Its epoch is set when it starts.
  steady_time submitted{};
  steady_time started{};
  duration lateness{};
  std::uint32_t merged_ticks = 0;
  duration clock_ahead{}; ///< The wall clock of batch times, when it was planned.
  std::vector<std::optional<std::uint64_t>> allowed; ///< By source.

  [[nodiscard]] std::uint64_t records() const {
    std::uint64_t sum = 0;
    for (const auto& part : whole->sources)
      sum += static_cast<std::uint64_t>(part.count());
    return sum;
  }
};

/// The queue of planned batches and the open one. Single-threaded: owned by the control thread.
class batch_scheduler {
public:
  explicit batch_scheduler(std::size_t max_waiting) : max_waiting_(max_waiting) {}

  /// Whether another batch may be planned.
  [[nodiscard]] bool has_room() const noexcept { return waiting_.size() < max_waiting_; }

  void submit(planned_batch planned) { waiting_.push_back(std::move(planned)); }

  /// Opens the next batch, unless one is open or none waits.
  planned_batch* start_next(epoch at, steady_time now) {
    if (open_ || waiting_.empty())
      return nullptr;
    open_ = std::move(waiting_.front());
    waiting_.pop_front();
    open_->whole->epoch = at;
    open_->started = now;
    return &*open_;
  }

  /// The open batch is over; it is handed back.
  planned_batch close() { return *std::exchange(open_, std::nullopt); }

  /// Drops what waits. @returns the first of it, to which positions go back.
  std::optional<planned_batch> drop_waiting() {
    if (waiting_.empty())
      return std::nullopt;
    std::optional<planned_batch> first = std::move(waiting_.front());
    waiting_.clear();
    return first;
  }

  [[nodiscard]] const std::optional<planned_batch>& open() const noexcept { return open_; }
  [[nodiscard]] const std::deque<planned_batch>& waiting() const noexcept { return waiting_; }

private:
  std::size_t max_waiting_;
  std::deque<planned_batch> waiting_;
  std::optional<planned_batch> open_;
};

} // namespace weir
