// What a context can be told: plain structs with defaults. Next: context.hpp.
#pragma once

#include <weir/runtime/block_builder.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/log.hpp>
#include <weir/runtime/on_error.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/time.hpp>
#include <weir/runtime/trigger.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

class state_backend; // state_store.hpp

/// Who runs the stages.
enum class executor_kind {
  actors,  ///< CAF actors on worker threads.
  in_line, ///< The caller of `context::run_ready`, on its own thread, in a seeded order. For tests
           ///< and host loops.
};

/// What is promised of each record, through crashes and restarts.
enum class delivery {
  at_least_once, ///< None is lost; the results of a batch that was not finished come again.
  at_most_once,  ///< Not yet.
  exactly_once,  ///< Not yet.
};

/// How a job runs. The first group changes what it does, the second how fast, the third how it fits
/// the host.
struct context_options {
  std::string name = "weir"; ///< Prefix of threads, groups and messages. 1 to 64 characters,
                             ///< no '/' and no control characters.
  duration batch_interval = std::chrono::seconds(1); ///< >= 1 ms.
  weir::trigger trigger = weir::trigger::every;
  weir::delivery delivery = weir::delivery::at_least_once;
  weir::on_error on_error = weir::on_error::fail; ///< Default of every operator.
  rate_control_options rate_control{};            ///< Per source; see rate_control.hpp.

  std::size_t worker_threads = 0; ///< 0: as many as the machine has cores.
  std::size_t memory_budget = std::size_t{512}
                              << 20;    ///< Bytes for edges, kept data and Kafka clients. >= 8 MiB.
  std::uint32_t default_partitions = 0; ///< Of a shuffle; 0: as many as worker threads. <= 128.
  block_limits block{}; ///< Larger blocks: less work per record, more latency and memory.
  std::size_t max_waiting_batches = 4; ///< >= 1. Planned and not started; past it ticks are merged.

  /// For tests, which the kit switches on: fails the batch in which a function gives a view that
  /// points neither into what it was given nor into the program's read-only data, and so shows what
  /// may be gone. Slow.
  bool check_views = false;

  executor_kind executor = executor_kind::actors;
  std::uint64_t seed = 1; ///< Order of work in the inline executor.
  /// In line: for how long `run_ready` goes on while there is more to do, by `clock`. >= 0. It is
  /// exceeded by what a user's function does with one block, at most.
  duration slice = std::chrono::milliseconds(10);
  std::shared_ptr<weir::clock> clock{}; ///< null: the system's clock.
  duration quiesce_deadline =
      std::chrono::seconds(5); ///< How long a rebalance waits for the open batch. >= 0.
  /// Where keyed state lives between batches, unless an operator says so itself; null: in memory.
  std::shared_ptr<state_backend> state{};
  log_sink log{}; ///< null: silent.
  log_level min_log_level = log_level::info;
  /// Called first on every thread that weir starts, with the thread's name (at most 15 characters).
  /// It must not throw: that would end the program.
  std::function<void(std::string_view)> on_thread_start{};
};

/// @returns errc::invalid_config naming the field, its value and the allowed range.
expected<void> check(const context_options& options);

} // namespace weir
