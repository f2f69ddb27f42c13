// The sources of a running job, each with its rate control and what is unread in it. Next:
// batch_planner.hpp.
#pragma once

#include <weir/runtime/batch_report.hpp>
#include <weir/runtime/batch_scheduler.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/internal/rate_governor.hpp>
#include <weir/runtime/internal/transport.hpp>
#include <weir/runtime/plan.hpp>
#include <weir/runtime/source.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace weir {

/// Speaks to all sources of a job at once; `source_id` is the index. Control thread only, but for
/// the surveys themselves, which run on the helper thread.
class job_inputs {
public:
  using governor_factory =
      std::function<expected<std::unique_ptr<rate_governor>>(const context_options&)>;

  /// What the sources said, for `learn`.
  struct survey_answers {
    std::uint64_t generation = 0;
    std::vector<expected<std::vector<partition_position>>> unread; ///< By `source_id`.
  };

  /// All arguments live longer.
  job_inputs(const composition& composed, const plan& planned, source_host& host)
      : composed_(&composed), plan_(&planned), host_(&host) {}

  /// Opens every source. `close` follows in any case.
  expected<void> open(const governor_factory& make_governor);
  [[nodiscard]] std::unique_ptr<receiver> make_receiver(source_id id, std::uint32_t replica);

  /// Lets each do its regular work. @returns how soon it wants to do so again.
  duration poll();

  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool ended() const; ///< All have, and there are any.
  [[nodiscard]] std::uint64_t unplanned() const;
  [[nodiscard]] bool read_everything() const; ///< As far as the last survey saw.
  /// Whether the last survey saw all ends. Sources that could not tell hear of it, to act on what
  /// they found instead.
  [[nodiscard]] bool saw_all_ends();

  // ---- surveys, one at a time

  /// Asks what is unread; `then` is called with the answers on the control thread.
  void survey(std::function<void(survey_answers)> then);
  [[nodiscard]] bool surveying() const noexcept { return surveying_; }
  /// Positions or partitions change: what has been asked before is void.
  void forget_surveys();
  [[nodiscard]] bool is_current(const survey_answers& answers) const noexcept {
    return answers.generation == generation_;
  }
  /// @returns the first error that a source answered with.
  expected<void> learn(survey_answers answers);
  /// continuous: whether what is known to be unread holds for the next epoch.
  [[nodiscard]] bool up_to_date() const;
  /// available_now: reads no further than the first survey saw.
  void hold_to_first_ends(bool is_first);

  // ---- batches

  /// Adds to a batch what each source reads in it, as far as rate control allows.
  /// @param stopping only what nobody could read again is still read.
  void plan(planned_batch& to, const work_in_flight& pending, bool stopping);
  /// Completes the ranges of an open-ended batch.
  void learn_ends(batch& done, const std::vector<replica_report>& reports);
  /// To the sources, or, while a survey runs, when it has answered.
  void completed(batch_ptr done);
  void rewind(batch_ptr first);
  /// Where state outlives the process: whether positions are written down as far as batches are
  /// complete. Else true.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] bool stores() const noexcept { return stores_; }
  /// Adds the part of each source to the report of a batch, and lets its rate control learn.
  void describe(const planned_batch& done, const std::vector<replica_report>& reports,
                const work_in_flight& pending, batch_report& report);

  void interrupt();
  void drain();
  expected<void> set_gains(pid_gains gains); ///< @returns the first refusal; all are asked.
  expected<void> set_limits(const rate_limits& limits); ///< As set_gains.
  void close(duration limit);

private:
  struct input {
    std::unique_ptr<source> control;
    std::unique_ptr<rate_governor> governor;
    std::vector<partition_position> unread; ///< Answer of the last survey.
    bool up_to_date = false; ///< continuous: `unread` still holds for the next epoch.
    std::vector<std::int64_t>
        fixed_ends; ///< available_now: where to stop, by partition of the first survey.
  };

  [[nodiscard]] std::vector<std::optional<std::uint64_t>>
  limits_of(input& in, steady_time now, const work_in_flight& pending, bool stopping) const;
  [[nodiscard]] source_report describe(std::size_t index, const planned_batch& done,
                                       const std::vector<replica_report>& reports);
  void learn(std::size_t index, const std::vector<replica_report>& reports, batch_timing timing,
             source_report& said);
  void publish_rate(input& in);
  void tell(std::function<void()> call);

  const composition* composed_;
  const weir::plan* plan_;
  source_host* host_;
  std::vector<input> inputs_; ///< By `source_id`.
  bool stores_ = false;       ///< An operator keeps its state in a store.
  bool surveying_ = false;
  std::vector<std::function<void()>> after_survey_; ///< What sources are told when it has ended.
  std::uint64_t generation_ = 0;                    ///< Answers to surveys of older ones are void.
};

} // namespace weir
