// What users chain: a handle on a node of the graph. Next: stream_operators.hpp, what can be done
// with it.
#pragma once

#include <weir/operators/action/for_each.hpp>
#include <weir/operators/action/print.hpp>
#include <weir/operators/action/record_writer.hpp>
#include <weir/operators/action/save_as_object_files.hpp>
#include <weir/operators/action/save_as_text_files.hpp>
#include <weir/operators/stream_operators.hpp>
#include <weir/operators/table/broadcast.hpp>
#include <weir/operators/table/refreshable_table.hpp>
#include <weir/operators/table/static_table.hpp>

namespace weir {

/// A stream of records of type `T`: a cheap handle on a node. Every consumer of the same stream
/// shares its blocks.
template <class T>
class [[nodiscard("a stream does nothing until an action uses it")]] stream
    : public stream_operators<stream<T>, T> {
public:
  using record_type = T;

  stream(std::shared_ptr<composition> composed, node_id node)
      : composed_(std::move(composed)), node_(node) {}

  /// Gives the node its identity across versions. Unique within the graph.
  stream& named(std::string name) {
    composed_->graph.at(node_).name = std::move(name);
    return *this;
  }

  [[nodiscard]] node_id node() const noexcept { return node_; }
  [[nodiscard]] const std::shared_ptr<composition>& composed() const noexcept { return composed_; }
  [[nodiscard]] stream share() const { return *this; }

  /// For operators: a chain that begins with this stream's records.
  [[nodiscard]] auto open_chain() const {
    return chain<T, detail::block_head<T>>(detail::chain_start::at(composed_, node_), {}, {});
  }

private:
  std::shared_ptr<composition> composed_;
  node_id node_;
};

template <class T, class Head, class... Steps>
stream<T> chain<T, Head, Steps...>::share(std::source_location where) const {
  using tail = detail::forward_tail<T, views_of_input>;
  return stream<T>(start_->composed, close(tail(), {}, where));
}

/// What a connector says of its source.
struct source_spec {
  std::string label{};            ///< e.g. "kafka(impressions)".
  source_factory make{};          ///< Called once per start.
  std::uint32_t max_replicas = 0; ///< Most receivers that make sense; 0: as many as worker threads.
  bool blocking = false;          ///< Reading may block: each receiver gets a thread of its own.
  std::string shared_by{};        ///< The group whose members divide its partitions, if any.
  std::vector<error> mistakes{};  ///< Found in the options; `context::start` reports them.
};

/// Adds a source to a context. For connectors.
template <class T>
stream<T> add_source(context& to, source_spec spec,
                     std::source_location where = std::source_location::current()) {
  node n;
  n.kind = node_kind::source;
  n.operators.push_back({std::move(spec.label), where});
  n.partitions = partition_rule::of_source;
  n.max_replicas = spec.max_replicas;
  n.blocking = spec.blocking;
  n.make_source = std::move(spec.make);
  n.shared_by = std::move(spec.shared_by);
  n.mistakes = std::move(spec.mistakes);
  n.where = where;
  return stream<T>(to.composed(), to.composed()->graph.add(std::move(n)));
}

} // namespace weir
