#include <weir/runtime/internal/state_warning.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

namespace weir {
namespace {

/// The groups that the sources before a node belong to.
void add_groups(const graph& in, node_id at, std::set<std::string>& groups) {
  const auto& n = in.at(at);
  if (!n.shared_by.empty())
    groups.insert(n.shared_by);
  for (const auto input : n.inputs)
    add_groups(in, input, groups);
}

/// The operator that keeps the state, which is the first of its node.
std::string name_of(const node& n) {
  const auto& head = n.operators.front();
  return n.name.empty() ? fmt::format("'{}' (line {})", head.kind, head.where.line())
                        : fmt::format("'{}' ({}, line {})", n.name, head.kind, head.where.line());
}

} // namespace

std::string state_warning(const graph& composed) {
  std::vector<std::string> lost;
  std::vector<std::string> divided;
  std::set<std::string> groups;
  for (const auto& n : composed.nodes()) {
    if (n.keeps == kept_state::nothing)
      continue;
    if (n.keeps == kept_state::in_memory)
      lost.push_back(name_of(n));
    std::set<std::string> of_node;
    add_groups(composed, n.id, of_node);
    if (!of_node.empty())
      divided.push_back(name_of(n));
    groups.merge(of_node);
  }
  std::string text;
  if (!lost.empty())
    text =
        fmt::format("what {} remember from batch to batch is in memory and ends with the job, also "
                    "by an orderly stop: the next start begins without it (state by key can be "
                    "kept in a store, see context_options::state)",
                    fmt::join(lost, ", "));
  if (!divided.empty())
    text +=
        fmt::format("{}what {} remember is divided when other processes join the group '{}': each "
                    "has a part of a key's records and gives results of its own for it; run one "
                    "process per group",
                    text.empty() ? "" : "; ", fmt::join(divided, ", "), fmt::join(groups, "', '"));
  return text;
}

} // namespace weir
