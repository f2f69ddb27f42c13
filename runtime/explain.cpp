// The plan for people: see plan.hpp.
#include <weir/runtime/plan.hpp>

#include <fmt/format.h>

namespace weir {
namespace {

std::string_view to_string(node_kind kind) {
  switch (kind) {
  case node_kind::source:
    return "source";
  case node_kind::stage:
    return "stage";
  case node_kind::sink:
    return "sink";
  }
  return "";
}

std::string partitions_of(const node& n, const node_plan& planned) {
  switch (n.partitions) {
  case partition_rule::of_source:
    return "one partition per range";
  case partition_rule::of_input:
    return n.concatenates ? "partitions of its inputs" : "partitions of its input";
  case partition_rule::fixed:
    return fmt::format("{} partition{}", planned.fixed_partitions,
                       planned.fixed_partitions == 1 ? "" : "s");
  }
  return "";
}

std::string as_text(const graph& g, const plan& p) {
  std::string text =
      fmt::format("{} worker thread(s), {} MiB: {} for sources, {} for edges, {} for kept data\n",
                  p.worker_threads, p.budget.total >> 20, p.budget.sources >> 20,
                  p.budget.edges >> 20, p.budget.retained >> 20);
  for (const auto& n : g.nodes()) {
    const auto& planned = p.at(n.id);
    text +=
        fmt::format("{:>3} {:<6} {}  x{}", n.id, to_string(n.kind), n.label(), planned.replicas);
    if (n.kind != node_kind::sink)
      text += fmt::format(", {}", partitions_of(n, planned));
    if (!n.inputs.empty()) {
      text += "  <-";
      for (const auto input : n.inputs)
        text += fmt::format(" {}", input);
    }
    if (planned.slide > 1)
      text += fmt::format(", every {} batch intervals", planned.slide);
    if (n.blocking)
      text += ", own thread";
    text += "\n";
    for (const auto& op : n.operators)
      text +=
          fmt::format("             {} at {}:{}\n", op.kind, op.where.file_name(), op.where.line());
  }
  return text;
}

/// A label as a Graphviz string.
std::string quoted(std::string_view label) {
  std::string out = "\"";
  for (const char c : label) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string as_dot(const graph& g, const plan& p) {
  std::string text = "digraph job {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const auto& n : g.nodes())
    text += fmt::format("  n{} [label={}];\n", n.id,
                        quoted(fmt::format("{} x{}", n.label(), p.at(n.id).replicas)));
  for (const auto& n : g.nodes())
    for (const auto& edge : p.at(n.id).outputs)
      text += fmt::format("  n{} -> n{} [label=\"{} blocks, {} KiB\"];\n", n.id, edge.consumer,
                          edge.window.blocks, edge.window.bytes >> 10);
  return text + "}\n";
}

} // namespace

std::string explain(const graph& g, const plan& p, explain_format format) {
  return format == explain_format::dot ? as_dot(g, p) : as_text(g, p);
}

} // namespace weir
