// Cuts a graph into replicas: see plan.hpp.
#include <weir/runtime/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace weir {
namespace {

/// The smallest block that still pays for its message.
constexpr std::size_t min_block_bytes = 2 * 1024;

std::uint32_t worker_threads_of(const context_options& options) {
  if (options.executor == executor_kind::in_line && options.worker_threads == 0)
    return 1;
  return options.worker_threads ? static_cast<std::uint32_t>(options.worker_threads)
                                : std::max(1U, std::thread::hardware_concurrency());
}

std::uint32_t fixed_partitions_of(const node& n, const context_options& options,
                                  std::uint32_t workers) {
  if (n.fixed_partitions)
    return n.fixed_partitions;
  return options.default_partitions ? options.default_partitions : std::min(workers, 128U);
}

std::optional<std::uint32_t> known_output(const graph& g, node_id id,
                                          const context_options& options, std::uint32_t workers);

/// Number of logical partitions that reach a node, when it is known before the batch.
std::optional<std::uint32_t> known_input(const graph& g, const node& n,
                                         const context_options& options, std::uint32_t workers) {
  std::uint32_t sum = 0;
  for (const auto input : n.inputs) {
    const auto part = known_output(g, input, options, workers);
    if (!part)
      return std::nullopt;
    sum = n.concatenates ? sum + *part : std::max(sum, *part);
  }
  return sum;
}

std::optional<std::uint32_t> known_output(const graph& g, node_id id,
                                          const context_options& options, std::uint32_t workers) {
  const node& n = g.at(id);
  switch (n.partitions) {
  case partition_rule::of_source:
    return std::nullopt;
  case partition_rule::of_input:
    return known_input(g, n, options, workers);
  case partition_rule::fixed:
    return fixed_partitions_of(n, options, workers);
  }
  return std::nullopt;
}

std::uint32_t replicas_of(const graph& g, const node& n, const context_options& options,
                          std::uint32_t workers) {
  std::uint32_t wanted = workers;
  if (n.max_replicas)
    wanted = std::min(wanted, n.max_replicas);
  if (n.kind != node_kind::source)
    if (const auto partitions = known_input(g, n, options, workers))
      wanted = std::min(wanted, *partitions);
  return std::max(1U, wanted);
}

/// The source whose partitions reach this node unchanged, so that its work can be charged to them.
std::optional<source_id> cost_source(const graph& g, const plan& p, const node& n) {
  if (n.inputs.size() != 1)
    return std::nullopt;
  const node& from = g.at(n.inputs.front());
  if (from.kind == node_kind::source)
    return p.at(from.id).source;
  return from.partitions == partition_rule::of_input ? p.at(from.id).cost_of : std::nullopt;
}

expected<void> share_memory(const graph& g, plan& p, const context_options& options) {
  std::size_t links = 0;
  std::size_t retaining = 0;
  for (const auto& n : g.nodes()) {
    for (const auto& edge : p.at(n.id).outputs)
      links += std::size_t{p.at(n.id).replicas} * p.at(edge.consumer).replicas;
    if (n.retains)
      retaining += p.at(n.id).replicas;
  }
  const std::size_t window = p.budget.edges / std::max<std::size_t>(1, links);
  if (window < 2 * min_block_bytes)
    return error(errc::out_of_budget,
                 fmt::format("memory_budget of {} bytes leaves {} bytes for each of {} links "
                             "between replicas, and two blocks "
                             "of {} must fit; raise memory_budget or lower worker_threads",
                             p.budget.total, window, links, min_block_bytes));
  for (auto& n : p.nodes) {
    n.limits = options.block;
    n.limits.max_bytes = std::min(options.block.max_bytes, window / 2);
    for (auto& edge : n.outputs) {
      edge.window.bytes = static_cast<std::int64_t>(window);
      edge.window.blocks = std::clamp<std::int64_t>(
          edge.window.bytes / static_cast<std::int64_t>(n.limits.max_bytes), 2, 4);
    }
    if (g.at(n.id).retains)
      n.retained_share = p.budget.retained / retaining;
  }
  return {};
}

} // namespace

expected<plan> make_plan(const graph& g, const context_options& options) {
  if (auto mistakes = g.check(); !mistakes.empty())
    return error(errc::invalid_graph, fmt::format("the graph of '{}' cannot run", options.name),
                 std::move(mistakes));

  plan p;
  p.worker_threads = worker_threads_of(options);
  p.budget = memory_budget::carve(options.memory_budget);
  p.nodes.resize(g.nodes().size());
  for (const auto& n : g.nodes()) { // inputs come before their consumers
    auto& planned = p.nodes[n.id.value];
    planned.id = n.id;
    planned.replicas = replicas_of(g, n, options, p.worker_threads);
    planned.slide = g.slide_of(n.id);
    if (n.partitions == partition_rule::fixed)
      planned.fixed_partitions = fixed_partitions_of(n, options, p.worker_threads);
    planned.first_replica = replica_id(p.replicas);
    p.replicas += planned.replicas;
    if (n.kind == node_kind::source) {
      planned.source = source_id(static_cast<std::uint32_t>(p.sources.size()));
      p.sources.push_back(n.id);
    }
    planned.cost_of = cost_source(g, p, n);
    for (std::uint32_t input = 0; input < n.inputs.size(); ++input) {
      auto& producer = p.nodes[n.inputs[input].value];
      producer.outputs.push_back({.consumer = n.id,
                                  .input = input,
                                  .first_slot = planned.slots,
                                  .side = n.reads_side,
                                  .window = {}});
      planned.slots += producer.replicas;
      planned.slot_inputs.insert(planned.slot_inputs.end(), producer.replicas, input);
    }
  }
  if (auto shared = share_memory(g, p, options); !shared)
    return shared.error();
  return p;
}

expected<void> describe_nodes(const graph& g, const plan& p, batch& b, const batch* last) {
  b.nodes.assign(g.nodes().size(), {});
  for (const auto& n : g.nodes()) {
    auto& described = b.nodes[n.id.value];
    if (n.kind == node_kind::source) {
      const auto& from = b.sources[p.at(n.id).source->value];
      described = {.present = from.present,
                   .partitions = static_cast<std::uint32_t>(from.ranges.size()),
                   .input_offsets = {}};
      continue;
    }
    // When ticks were merged, the first batch at or after a multiple of the slide stands for it.
    const std::int64_t slide = p.at(n.id).slide;
    const bool due = b.index / slide > b.before / slide;
    described.present = due;
    // A window may still hold partitions that its input has lost since.
    std::uint32_t reach = n.slide && last ? last->nodes[n.id.value].input_partitions : 0;
    for (const auto input : n.inputs) {
      const auto& in = b.nodes[input.value];
      described.input_offsets.push_back(n.concatenates ? reach : 0);
      reach = n.concatenates ? reach + in.partitions : std::max(reach, in.partitions);
      if (in.present || n.slide || n.answers_missing)
        continue;
      described.present = false;
      if (due && n.needs_all_inputs)
        return error(errc::invalid_graph,
                     fmt::format(
                         "'{}' has no batch at {} ms on the input '{}'; give both sides the same "
                         "slide",
                         n.label(), milliseconds_of(b.time), g.at(input).label()))
            .at(n.where);
    }
    described.input_partitions = reach;
    described.partitions = reach;
    if (n.partitions == partition_rule::fixed)
      described.partitions = p.at(n.id).fixed_partitions;
  }
  return {};
}

} // namespace weir
