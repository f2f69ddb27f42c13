// What every batch carries beside its records: a version of a table, a broadcast value. Next:
// batch.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/time.hpp>

#include <memory>
#include <string>

namespace weir {

/// A value that operators of a job read and that its host, or a loader, may replace while the job
/// runs. A batch gets the current one when it is planned and keeps it, so that all replicas see the
/// same one from its first record to its last. Thread-safe.
class side_value {
public:
  virtual ~side_value() = default;

  /// What the next planned batch carries. Not null once `load` has succeeded.
  [[nodiscard]] virtual std::shared_ptr<const void> current() const = 0;

  /// Makes `current` ready. `context::start` calls it, and fails with its error; then it is called
  /// again every `reload_interval`, on a thread of its own, where it may block. A failure leaves
  /// `current` as it was.
  virtual expected<void> load() { return {}; }

  /// From the end of one `load` to the next, on the clock of the job; zero: `load` is not called
  /// again.
  [[nodiscard]] virtual duration reload_interval() const { return duration::zero(); }

  /// For messages.
  [[nodiscard]] virtual std::string name() const = 0;
};

} // namespace weir
