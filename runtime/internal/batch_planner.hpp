// When a batch is planned, and what it reads. Next: batch_runner.hpp.
#pragma once

#include <weir/runtime/batch_generator.hpp>
#include <weir/runtime/internal/batch_runner.hpp>
#include <weir/runtime/internal/job_end.hpp>
#include <weir/runtime/internal/job_inputs.hpp>
#include <weir/runtime/internal/quiescence.hpp>
#include <weir/runtime/internal/side_value_loader.hpp>

#include <functional>

namespace weir {

/// What planning asks and tells. All of it lives longer than the planner.
struct planner_environment {
  const composition* composed = nullptr;
  const plan* all = nullptr;
  clock* time = nullptr;
  job_inputs* inputs = nullptr;
  batch_runner* batches = nullptr;
  const watermark_tracker* watermarks = nullptr;
  const side_value_loader* side_values = nullptr;
  const quiescence* interruptions = nullptr;
  job_end* end = nullptr;
  std::function<void(log_level, std::string_view)> log;
};

/// Follows the trigger: at a tick, as soon as the last batch has ended, or, under
/// `trigger::continuous`, when the open epoch is to make room for the next one. A batch is planned
/// from a survey of the sources. Control thread only.
class batch_planner {
public:
  explicit batch_planner(const planner_environment& environment);

  /// Begins to plan a batch if one is due. @returns whether it did anything.
  bool plan_when_due();
  /// When `plan_when_due` will have something to do if nothing else happens before.
  [[nodiscard]] steady_time next_deadline() const;
  /// Whether all that a bounded run reads is in batches.
  [[nodiscard]] bool planned_all() const noexcept { return planned_all_; }

  void completed(batch_ptr done) { last_completed_ = std::move(done); }
  /// What is known to be unread does not hold any more, and what was to follow `dropped`, which has
  /// been undone, is planned anew.
  void start_over(const planned_batch& dropped);
  /// This batch and what was planned behind it will not run: positions go back to its beginning.
  void rewind_to(const planned_batch& first);

private:
  [[nodiscard]] bool allowed() const;
  bool plan_tick();
  bool plan_bounded();
  bool follow_epochs();
  [[nodiscard]] tick next_epoch(moment now);
  void look_at_clock(moment now);
  void survey(tick at);
  void on_surveyed(tick at, job_inputs::survey_answers answers);
  void submit(tick at);

  planner_environment with_;
  trigger kind_;
  duration interval_;
  batch_generator generator_;
  bool planned_all_ = false;
  batch_time last_time_{};
  steady_time ask_again_{};    ///< Bounded: no survey before, as the last one did not see all ends.
  std::int64_t last_tick_ = 0; ///< Of the last batch; 0: none yet.
  std::int64_t first_tick_ = 0; ///< Of the batch with index 1.
  steady_time open_until_{};    ///< When the open epoch ends.
  duration clock_ahead_{};      ///< The wall clock of batch times, when it was looked at last.
  duration clock_told_{};       ///< What has been said of it.
  batch_ptr last_planned_;      ///< Null before the first.
  batch_ptr last_completed_;    ///< What planning goes on from after an abort.
};

} // namespace weir
