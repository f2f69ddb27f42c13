// Operators as data: what users composed, before it is planned. Next: plan.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/output_mode.hpp>
#include <weir/runtime/source.hpp>
#include <weir/runtime/stage.hpp>
#include <weir/runtime/watermark.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

namespace weir {

enum class node_kind { source, stage, sink };

/// Where the number of logical partitions of a node's output comes from.
enum class partition_rule {
  of_source, ///< One per range of the batch.
  of_input,  ///< As many as reach it.
  fixed,     ///< `node::fixed_partitions`; 0 stands for the default of the options.
};

/// What a node remembers from batch to batch, and where.
enum class kept_state {
  nothing,
  in_memory, ///< It ends with the job.
  in_store,  ///< See state_store.hpp.
};

/// One operator inside a node, for `explain()` and messages.
struct operator_info {
  std::string kind;           ///< e.g. "map", "reduce_by_key".
  std::source_location where; ///< The user's call.
};

/// A node of the graph: a source, a fused run of operators, or a sink.
struct node {
  node_id id;
  node_kind kind = node_kind::stage;
  std::string name;                     ///< Identity given with `.named()`, or empty.
  std::vector<operator_info> operators; ///< In the order records pass them.
  std::vector<node_id> inputs;
  partition_rule partitions = partition_rule::of_input;
  std::uint32_t fixed_partitions = 0;
  bool concatenates =
      false; ///< Union: the partitions of the inputs one after another, the first input's first.
  std::uint32_t max_replicas = 0; ///< 0: as many as there are worker threads.
  bool blocking = false;          ///< Needs a thread of its own.
  bool retains = false;           ///< May keep data beyond the block it came in.
  bool needs_all_inputs = false; ///< A missing batch on an input is an error, not a missing result.
  std::optional<watermark_options> assigns;      ///< Of a node that gives records their event time.
  std::chrono::milliseconds lowers_watermark{0}; ///< How far its results may be behind its input.
  std::uint32_t slide =
      0; ///< Windows, in batch intervals: gives a batch at each multiple of it, also when its
         ///< input misses that one. 0: gives one whenever its inputs do.
  std::optional<output_mode> emits; ///< Of a node that keeps results from batch to batch.
  bool answers_missing = false;     ///< Gives a batch also when its input has none: it has state.
  kept_state keeps = kept_state::nothing; ///< Of the first operator.
  std::string shared_by; ///< Of a source: the group whose members divide its partitions, or empty.
  bool reads_side = false; ///< Takes its input's side output instead of its results.
  std::source_location where;
  std::function<std::unique_ptr<stage>()> make_stage; ///< Stages and sinks.
  source_factory make_source;                         ///< Sources.
  std::vector<error> mistakes;                        ///< Found while the node was described.

  /// "map | filter | reduce_by_key", or the name followed by that.
  [[nodiscard]] std::string label() const;
};

/// A chain that nothing has closed or extended yet.
struct open_end {
  operator_info last; ///< Its last operator.
  bool used = false;
};

/// The operators of a job and the edges between them. Filled by streams before the start; not
/// thread-safe.
class graph {
public:
  /// Adds a node behind its inputs. After `freeze` the node is refused and remembered as a mistake.
  node_id add(node n);

  [[nodiscard]] const std::vector<node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] node& at(node_id id) { return nodes_[id.value]; }
  [[nodiscard]] const node& at(node_id id) const { return nodes_[id.value]; }
  [[nodiscard]] std::vector<node_id> consumers_of(node_id id) const;

  /// Whether records of the node have a watermark: it or a node before it assigns timestamps, and
  /// none in between waits for ever.
  [[nodiscard]] bool has_watermark(node_id id) const;

  /// How far records of the node may be behind its watermark: the most of all assigners before it.
  [[nodiscard]] std::chrono::milliseconds disorder_of(node_id id) const;
  /// How often a node gives a batch, in batch intervals: its own slide, or that of its inputs.
  [[nodiscard]] std::uint32_t slide_of(node_id id) const;

  /// The output mode of the nearest node, this one or one before it, that keeps results from batch
  /// to batch. Of several inputs: update before complete before append.
  [[nodiscard]] std::optional<output_mode> emits(node_id id) const;
  [[nodiscard]] std::optional<output_mode> emits(const std::vector<node_id>& inputs) const;

  /// A mistake that belongs to no node, e.g. streams of two contexts in one union.
  void add_mistake(error mistake) { mistakes_.push_back(std::move(mistake)); }

  /// A chain that must be used by the start. Shared by its copies.
  [[nodiscard]] std::shared_ptr<open_end> add_open_end(operator_info last);

  /// No node may be added from now on. `late` hears of each that is, on the thread of the call.
  void freeze(std::function<void(const error&)> late = {}) {
    frozen_ = true;
    late_ = std::move(late);
  }
  [[nodiscard]] bool frozen() const noexcept { return frozen_; }

  /// Every mistake of the graph, each with the source line of the user's call.
  [[nodiscard]] std::vector<error> check() const;

private:
  /// Whether the node or one before it assigns timestamps.
  [[nodiscard]] bool has_event_times(node_id id) const;

  std::vector<node> nodes_;
  std::vector<error> mistakes_;
  std::function<void(const error&)> late_;
  std::vector<std::shared_ptr<open_end>> open_ends_;
  bool frozen_ = false;
};

} // namespace weir
