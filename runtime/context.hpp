// The object users hold: composes, starts and stops one job. Next: operators/stream.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/listener.hpp>
#include <weir/runtime/options.hpp>
#include <weir/runtime/plan.hpp>
#include <weir/runtime/side_value.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace weir {

/// How to stop.
enum class stop_mode {
  drain,        ///< Plan no more, finish every batch that is planned.
  finish_batch, ///< Finish the open batch, drop those that wait.
  abandon,      ///< Abort the open batch.
};

/// What a stop left behind. Under at least once all of it is read again by the next start.
struct stop_result {
  /// The mode was carried out and the sources and sinks were closed before the deadline; else the
  /// rest was abandoned.
  bool in_time = true;
  std::size_t batches_left = 0; ///< Batches planned and not completed.
  /// Their records (upper bound), and those received that no batch was planned for.
  std::uint64_t records_left = 0;
};

/// The part of a context that streams share: the graph and the options it is composed under.
struct composition {
  weir::graph graph;
  context_options options;
  std::vector<std::shared_ptr<side_value>> side_values; ///< A batch carries one of each.

  /// What was composed after the start, which does nothing.
  std::mutex late_mutex;
  std::vector<error> late;
};

/// One job of one process: a graph of operators, the threads that run it, and its control.
///
/// Life: `make`, compose (streams add nodes), `start`, `stop` or an end by itself, and again
/// `start`. Several contexts may live in one process. Threads: composing, `start`, `await` and
/// destruction belong to one thread at a time; `stop`, `running`, `set_gains` and `set_rate_limits`
/// may be called from any. The destructor abandons what still runs and never throws.
class context {
public:
  /// @returns errc::invalid_config naming the option, its value and the allowed range.
  static expected<context> make(context_options options = {});

  context(context&&) noexcept;
  context& operator=(context&&) noexcept;
  ~context();

  /// Checks the graph, opens every source and sink, and starts the threads. The first start warns
  /// in the log, naming the operators, when what they remember from batch to batch would end with
  /// the job, or be divided with other processes of a group.
  /// @returns errc::invalid_graph with every mistake as a cause, each with the line of the user's
  /// call; or what kept a
  ///          source or sink from opening, in which case nothing runs.
  expected<void> start();

  /// Stops within `deadline`. Blocks, so in a listener or a user's function it only asks: they use
  /// `request_stop`. A job that has ended is left as it is. The deadline is looked at between
  /// blocks: a user's function is not interrupted.
  /// @returns what was left; the error that ended the job; or errc::invalid_state in a
  /// listener or a user's function, for a context that has never started, or when something was
  /// composed after the start: that did nothing, and the job was stopped without it.
  expected<stop_result> stop(duration deadline = std::chrono::seconds(30),
                             stop_mode mode = stop_mode::drain);

  /// Asks for a stop and returns at once; `await` tells when it is done.
  void request_stop(duration deadline = std::chrono::seconds(30),
                    stop_mode mode = stop_mode::drain);

  /// Waits until the job has ended. @returns the error that ended it, if one did; or
  /// errc::invalid_state as `stop`.
  expected<void> await();

  /// Waits at most `limit`. @returns whether the job has ended; or the error that ended it; or
  /// errc::invalid_state in a listener or a user's function, and for a context that has never
  /// started. In line it takes turns at the work,
  /// also while another thread is in `poll_for` or `run_ready`: one thread at a time.
  expected<bool> await_for(duration limit);

  [[nodiscard]] bool running() const;

  /// In line: does everything that can be done now, on the calling thread, but returns between two
  /// blocks when that takes longer than `context_options::slice`: `next_due` is 0 then. @returns
  /// whether the job still runs.
  bool run_ready();

  /// In line: runs on the calling thread for `limit` of real time, waiting where there is nothing
  /// to do; returns earlier only when the job has ended. weir then has no thread of its own: the
  /// caller's does everything (Kafka's client has threads of its own). @returns whether the job
  /// still runs.
  bool poll_for(duration limit);

  /// In line, for host loops: after how long `run_ready` will have something to do, if `on_work`
  /// is not called before. Call it after `run_ready` on the same thread.
  [[nodiscard]] duration next_due() const;

  /// In line, for host loops: from the next start on `call` is called whenever `run_ready` may have
  /// got something to do, on any thread; it must neither block nor call the context.
  void on_work(std::function<void()> call);

  /// Hears of every batch from the next start on. Kept until the context ends. Not null: else
  /// `start` returns errc::invalid_config.
  void add_listener(std::shared_ptr<listener> hears);

  /// New gains for every source's controller, from the next batch on and for later starts. Not
  /// while `start` runs.
  /// @returns errc::invalid_config, and then nothing changes.
  expected<void> set_gains(pid_gains gains);

  /// Other floors and ceilings, of the job and of its partitions, for every source, from the next
  /// batch on and for later starts; what is left out is unlimited. Not while `start` runs.
  /// @returns errc::invalid_config, and then nothing changes.
  expected<void> set_rate_limits(rate_limits limits);

  /// The plan for people. @returns the mistakes of the graph, as `start` would.
  expected<std::string> explain(explain_format format = explain_format::text) const;

  [[nodiscard]] const context_options& options() const;

  /// For code that adds nodes: streams and connectors.
  [[nodiscard]] const std::shared_ptr<composition>& composed() const noexcept { return composed_; }

private:
  void warn_of_state() const;

  class impl;
  context(std::shared_ptr<composition> composed, std::unique_ptr<impl> running);

  std::shared_ptr<composition> composed_;
  std::unique_ptr<impl> impl_;
};

} // namespace weir
