// From the event times that batches reported to the watermarks of the next one. Next:
// batch_runner.hpp, which asks it at the start of each batch, and job.hpp, at its end.
#pragma once

#include <weir/runtime/batch_report.hpp>
#include <weir/runtime/internal/transport.hpp>
#include <weir/runtime/plan.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// Keeps the latest event time of every assigner and partition. Reads no clock; single-threaded.
///
/// An assigner's watermark is the minimum over its partitions of (latest event time - delay). It
/// only rises. Left out are partitions that have had no record for `idle_after`, and those that a
/// bounded run finds empty; when all are, the watermark stays. A partition of which nothing is
/// known yet holds the watermark back.
class watermark_tracker {
public:
  /// @param bounded the job reads up to ends that are fixed at its start, so that a partition
  /// without records there will never have any.
  watermark_tracker(const graph& job, const plan& all, bool bounded);

  /// Fixes the watermarks of every node in a batch that starts now. Call in the order of starts.
  void fix(batch& whole, steady_time now);

  /// Takes in what a completed batch reported; an aborted one leaves no trace.
  void completed(const batch& whole, const std::vector<replica_report>& reports, steady_time now);

  /// Whether a batch that started now would have a higher watermark than the last completed one.
  [[nodiscard]] bool due(steady_time now) const;

  /// What is known of each assigner.
  [[nodiscard]] std::vector<watermark_report> describe(const batch& whole) const;

private:
  using partition_name = std::pair<std::string, std::int32_t>; ///< Topic and number, or "" and
                                                               ///< the logical partition.
  struct partition_state {
    std::optional<event_time> latest;
    steady_time last_record{}; ///< Or when the partition was first seen.
    bool exhausted = false;    ///< Nothing was left to read in it.
  };
  struct assigner {
    node_id node;
    watermark_options options;
    std::map<partition_name, partition_state> partitions;
    watermark mark = watermark::min();
  };

  [[nodiscard]] watermark mark_of(const assigner& from, steady_time now) const;
  [[nodiscard]] partition_name name_of(const batch& whole, node_id node, std::uint32_t p) const;
  /// Of an assigner whose partitions are still those of a source.
  [[nodiscard]] const offset_range* range_of(const batch& whole, node_id node,
                                             std::uint32_t p) const;
  [[nodiscard]] bool exhausted(const batch& whole, node_id node, std::uint32_t p) const;

  const graph* job_;
  const plan* all_;
  bool bounded_;
  std::vector<assigner> assigners_;
  std::vector<watermark> done_; ///< By node: what the last batch it had evicted with.
};

} // namespace weir
