// The batches of a running job from their plan to their end. Next: executor.hpp, which does the
// work.
#pragma once

#include <weir/runtime/batch_scheduler.hpp>
#include <weir/runtime/internal/audience.hpp>
#include <weir/runtime/internal/executor.hpp>
#include <weir/runtime/internal/rate_governor.hpp>
#include <weir/runtime/internal/watermark_tracker.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace weir {

/// Starts batches in order, one at a time, and may ask the open one to end before its time. What
/// follows the end is up to the job. Control thread only.
class batch_runner {
public:
  /// @param watermarks, @param listeners live longer.
  batch_runner(std::size_t max_waiting, watermark_tracker& watermarks, const audience& listeners)
      : scheduler_(max_waiting), watermarks_(&watermarks), listeners_(&listeners) {}

  /// Before the first batch. The executor lives longer.
  void run_on(executor& with) { executor_ = &with; }

  void submit(planned_batch planned);
  /// Drops what waits. @returns the first of it, to which positions go back.
  std::optional<planned_batch> drop_waiting() { return scheduler_.drop_waiting(); }
  /// Starts the next batch unless one is open. @returns whether it did.
  bool start_next(steady_time now);

  /// The open-ended batch that is open ends where it is.
  void cut();
  /// Undoes the open batch; `reason`, if there is one, is why.
  void abort(std::optional<error> reason = {});
  /// Why it is being undone.
  [[nodiscard]] const std::optional<error>& abort_reason() const noexcept { return abort_reason_; }
  /// Every replica has prepared the open batch; these commit it.
  void commit(const std::vector<replica_id>& replicas);
  /// The open batch is final. It is handed back.
  planned_batch complete();
  /// The open batch is undone. It is handed back.
  planned_batch drop();
  /// The last batch that is final.
  [[nodiscard]] epoch decided() const noexcept { return decided_; }

  [[nodiscard]] const std::optional<planned_batch>& open() const noexcept {
    return scheduler_.open();
  }
  /// Whether this is the open batch.
  [[nodiscard]] bool is_open(epoch at) const noexcept {
    return open() && open()->whole->epoch == at;
  }
  [[nodiscard]] const std::deque<planned_batch>& waiting() const noexcept {
    return scheduler_.waiting();
  }
  [[nodiscard]] bool idle() const noexcept { return !open() && waiting().empty(); }
  [[nodiscard]] bool has_room() const noexcept { return scheduler_.has_room(); }
  [[nodiscard]] bool cutting() const noexcept { return cutting_; }
  [[nodiscard]] bool aborting() const noexcept { return aborting_; }
  [[nodiscard]] work_in_flight unfinished(steady_time now) const;

private:
  planned_batch close();

  batch_scheduler scheduler_;
  watermark_tracker* watermarks_;
  const audience* listeners_;
  executor* executor_ = nullptr;
  std::uint64_t next_epoch_ = 1;
  epoch decided_{0};
  bool cutting_ = false; ///< The open epoch has been told to end.
  bool aborting_ = false;
  std::optional<error> abort_reason_;
};

} // namespace weir
