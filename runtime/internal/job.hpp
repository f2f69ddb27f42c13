// One run of a context: ticks to batches, batches to the executor, results to sources and
// listeners.
#pragma once

#include <weir/runtime/batch_generator.hpp>
#include <weir/runtime/batch_scheduler.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/internal/control_loop.hpp>
#include <weir/runtime/internal/executor.hpp>
#include <weir/runtime/internal/rate_governor.hpp>
#include <weir/runtime/internal/side_value_loader.hpp>
#include <weir/runtime/internal/watermark_tracker.hpp>

#include <atomic>
#include <future>
#include <map>

namespace weir {

/// The control path of a running job. Everything but the constructor, `start`, `request_stop` and
/// `wait` happens on the control thread (in line: on the caller of `turn`).
class job final : private source_host {
public:
  using governor_factory =
      std::function<expected<std::unique_ptr<rate_governor>>(const context_options&)>;
  using executor_factory = std::function<std::unique_ptr<executor>(executor_setup)>;

  job(const composition& composed, plan planned, std::vector<std::shared_ptr<listener>> listeners);
  ~job();

  /// Opens sources and replicas and starts the threads. Call once.
  expected<void> start(const governor_factory& make_governor,
                       const executor_factory& make_executor);

  void request_stop(duration deadline, stop_mode mode);
  void set_gains(pid_gains gains);

  /// Waits for the end, at most `limit`. @returns whether it has come.
  bool wait(duration limit);
  [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

  /// After the end: why the job ended, if not by a stop or by itself, and what it left.
  [[nodiscard]] const std::optional<error>& failure() const noexcept { return failure_; }
  [[nodiscard]] const stop_result& left() const noexcept { return left_; }

  /// Whether the caller is a listener or a source that the job itself is calling: it cannot wait
  /// for the job.
  [[nodiscard]] bool calls_me() const noexcept {
    return turning_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// Does what is due. @returns whether it did anything.
  bool turn();

  /// In line: `call` is called, on any thread, whenever something may have been added to do. Before
  /// `start`.
  void on_work(std::function<void()> call) { loop_.on_post(std::move(call)); }

  /// In line: after how long `turn` will have something to do if nothing happens before.
  [[nodiscard]] duration due_in() const;

  /// In line: waits until there may be something to do, at most `limit`.
  void idle(duration limit);

private:
  struct input {
    std::unique_ptr<source> control;
    std::unique_ptr<rate_governor> governor;
    std::vector<partition_position> unread; ///< Answer of the last survey.
    bool up_to_date = false; ///< continuous: `unread` still holds for the next epoch.
    std::vector<std::int64_t>
        fixed_ends; ///< available_now: where to stop, by partition of the first survey.
  };

  struct quiesce_request {
    quiesce_kind kind;
    steady_time deadline;
    std::function<void()> then;
  };

  struct stop_request {
    stop_mode mode;
    steady_time deadline;
  };

  // source_host
  void quiesce(quiesce_kind kind, duration deadline, std::function<void()> then) override;
  void run_blocking(std::function<void()> work, std::function<void()> then) override;
  void wake() override;
  void enter_thread(std::string_view suffix) override;
  void fail(error reason) override;
  void log(log_level level, std::string_view component, std::string_view message) override;
  weir::clock& clock() override { return *clock_; }

  expected<void> open_sources(const governor_factory& make_governor);
  void run_control_thread();
  [[nodiscard]] wall_time next_deadline() const;

  bool poll_sources();
  bool plan_when_due();
  void survey(tick at);
  bool run_epochs();
  void cut_open();
  bool run_timers();
  void on_surveyed(tick at, std::uint64_t generation,
                   std::vector<expected<std::vector<partition_position>>> answers);
  void submit(tick at);
  [[nodiscard]] bool read_everything() const;
  [[nodiscard]] unfinished_work unfinished() const;
  void publish_rate(input& in);
  [[nodiscard]] bool sources_ended() const;
  [[nodiscard]] bool draining() const; ///< A stop waits for batches that are not planned yet.
  [[nodiscard]] bool planning_allowed() const;

  bool start_next_batch();
  void on_complete(epoch at, std::vector<replica_report> reports);
  void on_failed(epoch at, error reason);
  void on_aborted(epoch at);
  void abort_open();
  void rewind_to(const planned_batch& first);
  void tell_sources(std::function<void()> call);
  [[nodiscard]] duration busiest(const std::vector<replica_report>& reports) const;
  batch_report describe(const planned_batch& done, const std::vector<replica_report>& reports);

  bool settle_quiesce();
  bool settle_stop();
  void learn_ends(planned_batch& done, const std::vector<replica_report>& reports);
  void end_with(error reason);
  void finish();

  const composition* composed_;
  plan plan_;
  std::vector<std::shared_ptr<listener>> listeners_;
  std::shared_ptr<weir::clock> clock_;
  bool in_line_;
  std::atomic<std::thread::id> turning_{}; ///< The thread that is inside `turn`.

  control_loop loop_;
  std::unique_ptr<helper_thread> helper_;
  side_value_loader side_values_;
  std::vector<input> inputs_; ///< By `source_id`.
  std::unique_ptr<executor> executor_;
  batch_generator generator_;
  batch_scheduler scheduler_;
  watermark_tracker watermarks_;

  std::atomic<bool> poll_wanted_{true};
  steady_time next_poll_{};
  bool surveying_ = false;
  std::vector<std::function<void()>> after_survey_; ///< What sources are told when it has ended.
  std::uint64_t survey_generation_ = 0;             ///< Answers to older surveys are void.
  bool plan_now_ = false;    ///< available_now and once: plan without waiting for a tick.
  bool planned_all_ = false; ///< available_now and once: nothing is left to plan.
  batch_time last_time_{};
  std::shared_ptr<const batch> last_planned_;   ///< Null before the first.
  std::shared_ptr<const batch> last_completed_; ///< What planning goes on from after an abort.
  std::uint64_t next_epoch_ = 1;
  std::multimap<steady_time, std::function<void()>> timers_;
  bool cutting_ = false; ///< continuous: the open epoch has been told to end.
  bool aborting_ = false;
  std::optional<error> abort_reason_;
  std::vector<quiesce_request> quiescing_;
  std::optional<stop_request> stopping_;

  std::optional<error> failure_;
  stop_result left_;
  std::atomic<bool> finished_{false};
  std::promise<void> finished_promise_;
  std::shared_future<void> finished_future_;
  std::thread control_thread_;
};

} // namespace weir
