// Partitions of a source change between two batches. Next: batch_runner.hpp, which ends the open
// one.
#pragma once

#include <weir/runtime/source.hpp>

#include <functional>
#include <vector>

namespace weir {

class batch_planner;
class batch_runner;

/// What sources want to do while no receiver runs; see `source_host::quiesce`. Control thread only.
class quiescence {
public:
  void ask(quiesce_kind kind, steady_time deadline, std::function<void()> then) {
    requests_.push_back({kind, deadline, std::move(then)});
  }
  /// Whether somebody waits for it: then nothing is planned or started.
  [[nodiscard]] bool wanted() const noexcept { return !requests_.empty(); }

  /// Ends or undoes the open batch, then drops what waits and does what was asked.
  /// @param surveying a survey runs, with which nothing may change.
  /// @returns whether it did anything that may let others go on.
  bool settle(batch_runner& batches, batch_planner& planner, bool surveying, steady_time now);

  /// When `settle` will have something to do if nothing happens before.
  [[nodiscard]] steady_time next_deadline(steady_time now) const;

private:
  struct request {
    quiesce_kind kind;
    steady_time deadline;
    std::function<void()> then;
  };
  std::vector<request> requests_;
};

} // namespace weir
