// A job as data: how many replicas each node gets, who sends to whom, with what credit. Next:
// executor.hpp.
#pragma once

#include <weir/runtime/credit.hpp>
#include <weir/runtime/graph.hpp>
#include <weir/runtime/memory_budget.hpp>
#include <weir/runtime/options.hpp>

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// An edge as its producer sees it.
struct edge_plan {
  node_id consumer;
  std::uint32_t input = 0;      ///< Which input of the consumer.
  std::uint32_t first_slot = 0; ///< The consumer's slot for this edge's producer replica 0.
  bool side = false;            ///< Carries the producer's side output.
  credit::amount window;        ///< Credit from each consumer replica to each producer replica.
};

struct node_plan {
  node_id id;
  replica_id first_replica;
  std::uint32_t replicas = 1;
  std::vector<edge_plan> outputs;
  std::uint32_t slots = 0;                ///< Links that arrive at each replica.
  std::vector<std::uint32_t> slot_inputs; ///< Slot to input.
  std::uint32_t fixed_partitions = 0; ///< Of the output, where the graph or the options fix them.
  std::uint32_t slide = 1;            ///< In batch intervals: how often it gives a batch.
  block_limits limits;                ///< Of the blocks this node makes.
  std::size_t retained_share = 0;     ///< Bytes per replica.
  std::optional<source_id> source;    ///< Of a source node.
  std::optional<source_id> cost_of;   ///< The source whose partitions this node's input still has.
};

/// What an executor runs. Immutable.
struct plan {
  std::vector<node_plan> nodes; ///< By `node_id`.
  std::vector<node_id> sources; ///< By `source_id`.
  std::uint32_t replicas = 0;
  std::uint32_t worker_threads = 1;
  memory_budget budget;

  [[nodiscard]] const node_plan& at(node_id id) const { return nodes[id.value]; }
};

/// Cuts a graph into replicas and shares the memory budget out.
/// @returns errc::invalid_graph with every mistake as a cause, or errc::out_of_budget when the
/// edges do not fit.
expected<plan> make_plan(const graph& g, const context_options& options);

/// Fills `nodes` of a batch whose sources are planned: presence and partition count of every node.
/// @param last the batch planned before it, or null.
/// @returns errc::invalid_graph when an operator that needs all its inputs misses one.
expected<void> describe_nodes(const graph& g, const plan& p, batch& b, const batch* last = nullptr);

enum class explain_format { text, dot };

/// The plan for people: one line per node, or a Graphviz drawing.
[[nodiscard]] std::string explain(const graph& g, const plan& p, explain_format format);

} // namespace weir
