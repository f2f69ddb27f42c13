// One run of a context: what its parts do in turn, and what follows the end of a batch. Next:
// job_inputs.hpp, batch_planner.hpp, batch_runner.hpp.
#pragma once

#include <weir/runtime/context.hpp>
#include <weir/runtime/internal/audience.hpp>
#include <weir/runtime/internal/batch_planner.hpp>
#include <weir/runtime/internal/batch_runner.hpp>
#include <weir/runtime/internal/control_loop.hpp>
#include <weir/runtime/internal/executor.hpp>
#include <weir/runtime/internal/job_end.hpp>
#include <weir/runtime/internal/job_inputs.hpp>
#include <weir/runtime/internal/load_watch.hpp>
#include <weir/runtime/internal/quiescence.hpp>
#include <weir/runtime/internal/side_value_loader.hpp>
#include <weir/runtime/internal/watermark_tracker.hpp>

#include <atomic>
#include <future>
#include <map>
#include <mutex>

namespace weir {

/// The control path of a running job. Everything but the constructor, `start`, `request_stop` and
/// `wait` happens on the control thread (in line: on the caller of `turn`).
class job final : private source_host {
public:
  using executor_factory = std::function<std::unique_ptr<executor>(executor_setup)>;

  job(const composition& composed, plan planned, std::vector<std::shared_ptr<listener>> listeners);
  ~job() override;

  /// Opens sources and replicas and starts the threads. Call once.
  expected<void> start(const job_inputs::governor_factory& make_governor,
                       const executor_factory& make_executor);

  void request_stop(duration deadline, stop_mode mode);
  void set_gains(pid_gains gains);
  void set_rate_limits(rate_limits limits);

  /// Waits for the end, at most `limit`. @returns whether it has come.
  bool wait(duration limit);
  [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

  /// After the end: why the job ended, if not by a stop or by itself, and what it left.
  [[nodiscard]] const std::optional<error>& failure() const noexcept { return end_.failure(); }
  [[nodiscard]] const stop_result& left() const noexcept { return end_.left(); }

  /// Whether the caller is a listener, a source or a user's function that the job itself is
  /// calling: it cannot wait for the job.
  [[nodiscard]] bool calls_me() const noexcept {
    return turning_.load(std::memory_order_relaxed) == std::this_thread::get_id() ||
           called_by == &composed_->graph;
  }

  /// Does what is due, after the turn of another thread if one is in it; in line for a slice of
  /// time, at most `limit`. @returns whether it did anything.
  bool turn(duration limit = duration::max());

  /// In line: takes turns until nothing is due or a slice of time is over.
  void take_slice();

  /// In line: takes a turn, or waits at most `limit` for something to do, for the end, or while
  /// another thread has its turn.
  void turn_or_wait(duration limit);

  /// In line: `call` is called, on any thread, whenever something may have been added to do. Before
  /// `start`.
  void on_work(std::function<void()> call) { loop_.on_post(std::move(call)); }

  /// In line: after how long `turn` will have something to do if nothing happens before.
  [[nodiscard]] duration due_in();

  /// In line: waits until there may be something to do, at most `limit`.
  void idle(duration limit);

private:
  // source_host
  void quiesce(quiesce_kind kind, duration deadline, std::function<void()> then) override;
  void run_blocking(std::function<void()> work, std::function<void()> then) override;
  void wake() override;
  void enter_thread(std::string_view suffix) override;
  void fail(error reason) override;
  void log(log_level level, std::string_view component, std::string_view message) override;
  weir::clock& clock() override { return *clock_; }

  [[nodiscard]] std::unique_ptr<helper_thread> make_helper(std::string_view suffix) const;
  [[nodiscard]] executor_setup describe_to_executor();
  void run_control_thread();
  [[nodiscard]] steady_time end_of_slice(duration limit = duration::max()) const;
  bool take_turn(steady_time until);
  bool do_what_is_due(steady_time until);
  [[nodiscard]] steady_time next_deadline() const;

  bool run_timers();
  void poll_sources();
  bool start_next_batch();
  void finish();

  void on_prepared(epoch at, const std::vector<replica_id>& replicas);
  void on_complete(epoch at, std::vector<replica_report> reports);
  void on_failed(epoch at, error reason);
  void on_aborted(epoch at);
  batch_report describe(const planned_batch& done, const std::vector<replica_report>& reports);

  const composition* composed_;
  plan plan_;
  audience listeners_;
  std::shared_ptr<weir::clock> clock_;
  bool in_line_;
  std::mutex turn_;         ///< In line, threads that wait for the job and the host's take turns.
  bool more_to_do_ = false; ///< When the last slice was over.
  std::atomic<std::thread::id> turning_{}; ///< The thread that is inside `turn`.

  control_loop loop_;
  std::unique_ptr<helper_thread> helper_;
  side_value_loader side_values_;
  job_inputs inputs_;
  std::unique_ptr<executor> executor_;
  watermark_tracker watermarks_;
  batch_runner batches_;
  quiescence interruptions_;
  job_end end_;
  batch_planner planner_;
  load_watch watch_;

  std::atomic<bool> poll_wanted_{true};
  steady_time next_poll_{};
  std::multimap<steady_time, std::function<void()>> timers_;

  std::atomic<bool> finished_{false};
  std::promise<void> finished_promise_;
  std::shared_future<void> finished_future_;
  std::thread control_thread_;
};

} // namespace weir
