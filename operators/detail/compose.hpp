// What the operators share when they add to the graph: how a chain begins behind other nodes, and
// the check of a partition count.
#pragma once

#include <weir/operators/chain.hpp>
#include <weir/operators/concepts.hpp>
#include <weir/operators/detail/sink_stage.hpp>
#include <weir/operators/shuffle.hpp>
#include <weir/runtime/sink.hpp>

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

namespace weir::detail {

/// A chain that begins with the records of `node`.
template <class Record>
[[nodiscard]] auto chain_at(std::shared_ptr<composition> composed, node_id node) {
  return chain<Record, block_head<Record>>(chain_start::at(std::move(composed), node), {}, {});
}

/// Notes a mistake unless 1 to 128 partitions are asked for, or 0 where that stands for the
/// default. @returns `partitions`.
std::uint32_t checked_partitions(composition& composed, std::uint32_t partitions,
                                 std::source_location where, bool may_be_default = false);

/// Notes a mistake unless `suffix` is part of a name: it must not lead into another directory.
void check_suffix(composition& composed, std::string_view suffix, std::source_location where);

/// Notes a mistake unless both streams belong to one context.
void check_same_context(const std::shared_ptr<composition>& one,
                        const std::shared_ptr<composition>& other, const char* kind,
                        std::source_location where);

/// Adds the node of a sink; a mistake when there is nothing that makes its replicas.
void add_sink_node(composition& composed, node_id input, const sink_traits& traits,
                   const expected<void>& valid, std::string kind, bool retains,
                   std::source_location where, decltype(node::make_stage) make);

/// Adds a sink behind a node.
template <class T>
void add_sink(composition& composed, node_id input, sink_factory<T> factory, std::string kind,
              bool retains, std::source_location where) {
  decltype(node::make_stage) make;
  if (factory.make)
    make = [make_sink = std::move(factory.make)]() -> std::unique_ptr<stage> {
      auto made = make_sink();
      return made ? std::make_unique<sink_stage<T>>(std::move(made)) : nullptr;
    };
  add_sink_node(composed, input, factory.traits, factory.valid, std::move(kind), retains, where,
                std::move(make));
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

} // namespace weir::detail
