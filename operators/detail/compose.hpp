// What the operators share when they add to the graph: how a chain begins behind other nodes, and
// the check of a partition count.
#pragma once

#include <weir/operators/chain.hpp>
#include <weir/operators/concepts.hpp>
#include <weir/operators/shuffle.hpp>
#include <weir/runtime/key_group.hpp>

#include <string>
#include <string_view>

namespace weir::detail {

/// A chain that reads the blocks of `inputs`; `op` is its head.
[[nodiscard]] inline chain_start start_behind(std::shared_ptr<composition> composed,
                                              std::vector<node_id> inputs, operator_info op) {
  const auto policy = composed->options.on_error;
  return {.composed = std::move(composed),
          .inputs = std::move(inputs),
          .operators = {std::move(op)},
          .policies = {policy},
          .head_is_operator = true};
}

/// A chain that begins with the records of `node`.
template <class Record>
[[nodiscard]] auto chain_at(std::shared_ptr<composition> composed, node_id node) {
  const auto policy = composed->options.on_error;
  return chain<Record, block_head<Record>>(
      {.composed = std::move(composed), .inputs = {node}, .policies = {policy}}, {}, {});
}

/// Notes a mistake unless 1 to 128 partitions are asked for, or 0 where that stands for the
/// default. @returns `partitions`.
inline std::uint32_t checked_partitions(composition& composed, std::uint32_t partitions,
                                        std::source_location where, bool may_be_default = false) {
  if (partitions > key_groups || (partitions == 0 && !may_be_default))
    composed.graph.add_mistake(error(errc::invalid_graph, "the number of partitions is " +
                                                              std::to_string(partitions) +
                                                              "; 1 to 128 are allowed")
                                   .at(where));
  return partitions;
}

/// Notes a mistake unless `suffix` is part of a name: it must not lead into another directory.
inline void check_suffix(composition& composed, std::string_view suffix,
                         std::source_location where) {
  if (suffix.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos)
    composed.graph.add_mistake(
        error(errc::invalid_graph,
              "the suffix \"" + std::string(suffix) +
                  "\" is no part of a directory's name; the prefix says where the files are")
            .at(where));
}

/// Closes a stream or chain of (key, value) records with a shuffle. @returns the node behind which
/// the records of a key are in one partition. @param partitions as checked.
template <class T, class Stream>
[[nodiscard]] node_id shuffled(const Stream& from, std::uint32_t partitions,
                               std::source_location where) {
  return from.open_chain().close(
      shuffle_tail<T>(),
      {.kind = "shuffle", .partitions = partition_rule::fixed, .fixed_partitions = partitions},
      where);
}

/// Notes a mistake unless both streams belong to one context.
inline void check_same_context(const std::shared_ptr<composition>& one,
                               const std::shared_ptr<composition>& other, const char* kind,
                               std::source_location where) {
  if (one != other)
    one->graph.add_mistake(
        error(errc::invalid_graph,
              std::string(kind) + " joins streams of two contexts; build both on the same context")
            .at(where));
}

} // namespace weir::detail
