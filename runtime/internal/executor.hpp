// What can run a plan. Next: inline_executor.hpp, actors/actor_executor.hpp.
#pragma once

#include <weir/runtime/internal/replica.hpp>
#include <weir/runtime/options.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weir {

/// What an executor tells the job. Called from any thread; must not block.
struct executor_events {
  /// Every replica has prepared the batch, and these wait for `commit`: at least one.
  std::function<void(epoch, std::vector<replica_id>)> prepared;
  /// Every replica has ended the batch, and committed it if it asked for that.
  std::function<void(epoch, std::vector<replica_report>)> complete;
  std::function<void(epoch, error)> failed; ///< Once per epoch; the job then aborts it.
  std::function<void(epoch)> aborted;       ///< No replica holds anything of the batch any more.
  std::function<void()>
      work_waits; ///< In line only: `run_ready` has something to do. From any thread.
};

/// What an executor needs to build the replicas. The graph, plan and clock outlive it.
struct executor_setup {
  std::string job_name;
  const graph* job = nullptr;
  const plan* all = nullptr;
  const clock* time = nullptr;
  std::uint64_t seed = 1;
  std::function<void(log_level, std::string_view, std::string_view)> log;
  std::function<std::unique_ptr<receiver>(source_id, std::uint32_t)> make_receiver;
  std::function<void(std::string_view)> on_thread_start;
  /// Calls a function on the control thread at that time of the clock. From any thread.
  std::function<void(steady_time, std::function<void()>)> call_at{};
  executor_events events;
};

/// Runs the replicas of a plan. Every call comes from the control thread. One batch is open at a
/// time: `run` follows the `complete` or `aborted` of the batch before.
class executor {
public:
  virtual ~executor() = default;

  /// Builds and opens every replica.
  /// @returns the first error of an `open`; then nothing is left running.
  virtual expected<void> start() = 0;
  virtual void run(batch_ptr whole) = 0;
  /// The open-ended batch ends where its receivers are now; `complete` follows.
  virtual void cut(epoch at) = 0;
  /// After `prepared`, to the replicas that it named; `complete` follows.
  virtual void commit(epoch at, const std::vector<replica_id>& replicas) = 0;
  /// @param decided the last batch that is final.
  virtual void abort(epoch at, epoch decided) = 0;

  /// Closes every replica and waits for it. No event follows.
  virtual void stop(epoch decided) = 0;

  /// In line: does what can be done now on this thread; once `until` has come, returns between two
  /// blocks. @returns whether it did anything.
  virtual bool run_ready(steady_time /*until*/) { return false; }
};

/// What every executor offers its replicas.
/// @param wake resumes a replica, from any thread.
replica_environment make_environment(const executor_setup& setup, transport& out,
                                     const std::function<void(replica_id)>& wake);

/// Makes and opens every replica, in the order of their ids.
/// @returns the first error of an `open`; then those before it are closed again.
expected<std::vector<std::unique_ptr<replica>>>
open_replicas(const replica_environment& environment);

/// Single-threaded, deterministic for a given seed. Defined in runtime/inline_executor.cpp.
std::unique_ptr<executor> make_inline_executor(executor_setup setup);

/// CAF actors on worker threads. Defined in actors/actor_executor.cpp.
std::unique_ptr<executor> make_actor_executor(executor_setup setup);

} // namespace weir
