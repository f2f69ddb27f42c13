// From what the replicas did in a batch to its report. Used by job.cpp and job_inputs.cpp.
#pragma once

#include <weir/runtime/batch_report.hpp>
#include <weir/runtime/graph.hpp>
#include <weir/runtime/internal/transport.hpp>
#include <weir/runtime/plan.hpp>

#include <vector>

namespace weir {

/// Adds operators and edges to a report, and what they left out to its sums. Its processing time is
/// set already.
void describe_work(const graph& job, const plan& all, const std::vector<replica_report>& reports,
                   batch_report& report);

/// How long the work of an epoch would have taken without waiting for input: what rate control
/// learns from, as the epoch itself always lasts an interval. What a sink waits for is the outside
/// world, which is as slow the next time.
[[nodiscard]] duration busiest_work(const graph& job, const plan& all,
                                    const std::vector<replica_report>& reports);

} // namespace weir
