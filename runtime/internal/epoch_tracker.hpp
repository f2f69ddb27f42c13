// Counts the answers of all replicas to one batch. Next: batch_scheduler.hpp, which hears the
// result.
#pragma once

#include <weir/runtime/internal/transport.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir {

/// Knows when every replica has prepared, committed or forgotten the open batch. Single-threaded.
class epoch_tracker {
public:
  explicit epoch_tracker(std::uint32_t replicas) : replicas_(replicas) {}

  void open(epoch at) {
    epoch_ = at;
    reports_.clear();
    committing_.clear();
    committed_ = 0;
    forgotten_ = 0;
    failed_ = false;
  }

  /// @returns whether the last replica has now prepared the open batch.
  bool ended(replica_report report) {
    if (report.epoch != epoch_ || failed_)
      return false;
    if (report.commits)
      committing_.push_back(report.replica);
    reports_.push_back(std::move(report));
    return reports_.size() == replicas_;
  }

  /// The replicas that are to commit it.
  [[nodiscard]] const std::vector<replica_id>& committing() const noexcept { return committing_; }

  /// @returns whether the last of those has now committed it.
  bool committed(const replica_report& report) {
    if (report.epoch != epoch_ || failed_)
      return false;
    const auto whole = std::ranges::find(reports_, report.replica, &replica_report::replica);
    whole->busy += report.busy;
    whole->blocked += report.blocked;
    return ++committed_ == committing_.size();
  }

  /// What all replicas did, once nothing more is awaited.
  [[nodiscard]] std::vector<replica_report> take_reports() { return std::exchange(reports_, {}); }

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
  std::vector<replica_id> committing_;
  std::size_t committed_ = 0;
  std::uint32_t forgotten_ = 0;
  bool failed_ = false;
};

} // namespace weir
