#include <weir/runtime/internal/batch_description.hpp>

#include <algorithm>
#include <map>

namespace weir {
namespace {

/// The edges of a node, by consumer: with what they hold at most, and nothing done yet.
std::map<node_id, edge_report> edges_of(const plan& all, const node_plan& producer) {
  std::map<node_id, edge_report> edges;
  for (const auto& edge : producer.outputs) {
    auto& e = edges[edge.consumer];
    e.from = producer.id;
    e.to = edge.consumer;
    e.capacity_bytes += static_cast<std::uint64_t>(edge.window.bytes) * producer.replicas *
                        all.at(edge.consumer).replicas;
  }
  return edges;
}

void add(const replica_report& done, operator_report& to) {
  to.records_in += done.counts.records_in;
  to.records_out += done.counts.records_out;
  to.dropped += done.counts.dropped;
  to.late += done.counts.late;
  to.state_keys += done.counts.state_keys;
  to.state_bytes += done.counts.state_bytes;
  to.evicted += done.counts.evicted;
  to.busy += done.busy;
  to.blocked += done.blocked;
}

} // namespace

void describe_work(const graph& job, const plan& all, const std::vector<replica_report>& reports,
                   batch_report& report) {
  for (const auto& planned : all.nodes) {
    operator_report op{
        .node = planned.id, .name = job.at(planned.id).label(), .replicas = planned.replicas};
    auto edges = edges_of(all, planned);
    for (const auto& r : reports) {
      if (r.node != planned.id)
        continue;
      add(r, op);
      for (const auto& e : r.edges) {
        edges[e.consumer].blocks += e.blocks;
        edges[e.consumer].bytes += e.bytes;
        edges[e.consumer].send_wait += e.send_wait;
      }
    }
    op.idle = std::max<duration>(duration::zero(),
                                 report.processing_time * planned.replicas - op.busy - op.blocked);
    report.dropped += op.dropped;
    report.late += op.late;
    report.operators.push_back(std::move(op));
    for (auto& [to, e] : edges)
      report.edges.push_back(e);
  }
}

duration busiest_work(const graph& job, const plan& all,
                      const std::vector<replica_report>& reports) {
  duration longest{};
  duration sum{};
  for (const auto& r : reports) {
    const bool sink = all.at(r.node).outputs.empty();
    longest = std::max(longest, r.busy + (sink ? r.blocked : duration{}));
    if (!job.at(r.node).blocking) // that one has a thread of its own
      sum += r.busy;
  }
  return std::max<duration>(longest, sum / std::max(1U, all.worker_threads));
}

} // namespace weir
