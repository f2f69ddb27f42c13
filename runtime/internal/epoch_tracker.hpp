// Counts the answers of all replicas to one batch. Next: batch_scheduler.hpp, which hears the
// result.
#pragma once

#include <weir/runtime/internal/transport.hpp>

#include <optional>
#include <vector>

namespace weir {

/// Knows when every replica has ended, or forgotten, the open batch. Single-threaded.
class epoch_tracker {
public:
  explicit epoch_tracker(std::uint32_t replicas) : replicas_(replicas) {}

  void open(epoch at) {
    epoch_ = at;
    reports_.clear();
    forgotten_ = 0;
    failed_ = false;
  }

  /// @returns all reports once the last replica has ended the open batch.
  std::optional<std::vector<replica_report>> ended(replica_report report) {
    if (report.epoch != epoch_ || failed_)
      return std::nullopt;
    reports_.push_back(std::move(report));
    if (reports_.size() < replicas_)
      return std::nullopt;
    return std::exchange(reports_, {});
  }

  /// @returns whether this is the first failure of the open batch.
  bool failed(epoch at) {
    if (at != epoch_ || failed_)
      return false;
    return failed_ = true;
  }

  /// From now on nothing but `aborted` counts for this batch.
  void abort() { failed_ = true; }

  /// @returns whether every replica has now forgotten the batch.
  bool aborted(epoch at) { return at == epoch_ && ++forgotten_ == replicas_; }

private:
  std::uint32_t replicas_;
  epoch epoch_{0};
  std::vector<replica_report> reports_;
  std::uint32_t forgotten_ = 0;
  bool failed_ = false;
};

} // namespace weir
