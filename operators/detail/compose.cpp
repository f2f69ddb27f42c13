#include <weir/operators/detail/compose.hpp>

#include <weir/runtime/key_group.hpp>

#include <string>

namespace weir::detail {

std::uint32_t checked_partitions(composition& composed, std::uint32_t partitions,
                                 std::source_location where, bool may_be_default) {
  if (partitions > key_groups || (partitions == 0 && !may_be_default))
    composed.graph.add_mistake(error(errc::invalid_graph, "the number of partitions is " +
                                                              std::to_string(partitions) +
                                                              "; 1 to 128 are allowed")
                                   .at(where));
  return partitions;
}

void check_suffix(composition& composed, std::string_view suffix, std::source_location where) {
  if (suffix.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos)
    composed.graph.add_mistake(
        error(errc::invalid_graph,
              "the suffix \"" + std::string(suffix) +
                  "\" is no part of a directory's name; the prefix says where the files are")
            .at(where));
}

void check_same_context(const std::shared_ptr<composition>& one,
                        const std::shared_ptr<composition>& other, const char* kind,
                        std::source_location where) {
  if (one != other)
    one->graph.add_mistake(
        error(errc::invalid_graph,
              std::string(kind) + " joins streams of two contexts; build both on the same context")
            .at(where));
}

void add_sink_node(composition& composed, node_id input, const sink_traits& traits,
                   const expected<void>& valid, std::string kind, bool retains,
                   std::source_location where, decltype(node::make_stage) make) {
  node n;
  n.kind = node_kind::sink;
  n.operators.push_back({kind.empty() ? traits.name : std::move(kind), where});
  n.inputs = {input};
  n.max_replicas = traits.parallel ? 0 : 1;
  n.blocking = traits.blocking;
  n.retains = retains || traits.retains;
  n.where = where;
  if (!make)
    n.mistakes.push_back(
        error(errc::invalid_graph, "to() was given a sink without a factory").at(where));
  if (!valid)
    n.mistakes.push_back(error(valid.error()).at(where));
  n.make_stage = std::move(make);
  composed.graph.add(std::move(n));
}

} // namespace weir::detail
