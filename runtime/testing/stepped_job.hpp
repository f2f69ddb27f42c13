// A job that a test moves batch by batch. With connectors/memory.hpp at both ends it needs no
// outside world.
#pragma once

#include <weir/runtime/batch_generator.hpp>
#include <weir/runtime/context.hpp>

#include <memory>
#include <vector>

namespace weir::testing {

/// A context under a manual clock of its own: batches start when the test says so, never because
/// time has passed. For the triggers `every` and `continuous`. With `executor_kind::in_line` all
/// work happens inside `step`, on the calling thread, in an order that depends on the seed alone;
/// with `actors` `step` waits for the worker threads. One thread at a time.
class stepped_job {
public:
  /// @param options as for a context, except that `clock` is replaced and `check_views` set.
  /// @returns errc::invalid_config as `context::make` does.
  static expected<stepped_job> make(context_options options = {.executor = executor_kind::in_line});

  /// Where streams are composed before the first step.
  [[nodiscard]] weir::context& context() noexcept { return context_; }
  [[nodiscard]] manual_clock& clock() noexcept { return *clock_; }

  /// Starts the job, unless it runs; moves the clock to the next batch time and runs that batch to
  /// its end.

  /// @param skipped ticks that pass before it without a batch of their own: they are merged into
  /// this one.
  /// @returns its report, whose `failure` says whether the batch failed; the error that ended the
  ///          job or kept it from starting; or errc::timed_out when the batch waits for something
  ///          that does not come: in line at once, with actors after 10 s of real time.
  expected<batch_report> step(std::uint32_t skipped = 0);

  /// All batches that have finished so far, also those that no `step` waited for.
  [[nodiscard]] std::vector<batch_report> reports() const;

private:
  class history;
  stepped_job(weir::context job, std::shared_ptr<manual_clock> clock);

  std::shared_ptr<manual_clock> clock_;
  std::shared_ptr<history> history_;
  weir::context context_;
  batch_generator ticks_; ///< As the job's, so that it is known when its next batch is due.
};

} // namespace weir::testing
