// What is known of a chain beside its functions, and how it becomes a node. Compiled once, for
// chains of any type. Used by chain.hpp.
#pragma once

#include <weir/operators/detail/stage_frame.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/graph.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace weir::detail {

/// What the tail that closes a chain adds to the node.
struct chain_end {
  std::string kind{}; ///< Of the tail's operator, or empty when the tail is none.
  partition_rule partitions = partition_rule::of_input;
  std::uint32_t fixed_partitions = 0;
  bool retains = false;
  bool needs_all_inputs = false;
  std::shared_ptr<stage_operators>
      operators{}; ///< Filled in, for the chain that does the second half of the tail's operator.
};

/// Where a chain reads, and what its node will say of itself. Chains share it: it is not changed
/// once a chain has it.
struct chain_start {
  std::shared_ptr<composition> composed{};
  std::vector<node_id> inputs{};
  bool concatenates = false; ///< Several inputs, their partitions one after another.
  bool retains = false;
  bool needs_all_inputs = false;
  std::uint32_t max_replicas = 0;     ///< 0: as many as there are worker threads.
  std::uint32_t fixed_partitions = 0; ///< Of what the head passes on; 0: as many as reach it.
  std::optional<watermark_options> assigns{}; ///< One of the steps gives records their event time.
  std::chrono::milliseconds lowers_watermark{0};
  std::uint32_t slide = 0;            ///< Windows, in batch intervals.
  std::optional<output_mode> emits{}; ///< Of a head that keeps results from batch to batch.
  bool answers_missing = false;
  bool reads_side = false;                ///< The side output of its input.
  kept_state keeps = kept_state::nothing; ///< Of the head.
  std::shared_ptr<open_end> unused{};     ///< Of the last step, until the chain is used.
  std::string name{};
  std::vector<operator_info> operators{}; ///< Head first when it is an operator, then the steps.
  std::vector<weir::on_error> policies{}; ///< One for the head, then one per step.
  bool head_is_operator = false;
  std::shared_ptr<stage_operators>
      first_half{}; ///< Of the head's operator: the node before the exchange that begins its work.

  /// A chain that begins with the records of `node`.
  [[nodiscard]] static chain_start at(std::shared_ptr<composition> composed, node_id node);
  /// A chain that reads the blocks of `inputs`; `op` is its head.
  [[nodiscard]] static chain_start behind(std::shared_ptr<composition> composed,
                                          std::vector<node_id> inputs, operator_info op);

  [[nodiscard]] std::shared_ptr<const chain_start> shared() &&;
  [[nodiscard]] std::shared_ptr<const chain_start> renamed(std::string new_name) const;
  [[nodiscard]] std::shared_ptr<const chain_start> assigning(const watermark_options& by) const;
  /// With one more step.
  [[nodiscard]] std::shared_ptr<const chain_start> longer(std::string_view kind,
                                                          std::source_location where) const;
  /// With `policy` for the last operator; notes a mistake where it does not fit.
  /// @param keepable whether the operator can be called again with its record after a while.
  /// @param is_head whether the last operator is the head.
  [[nodiscard]] std::shared_ptr<const chain_start> failing_by(const weir::on_error& policy,
                                                              bool keepable, bool is_head) const;

  /// The chain goes on, or ends in a node.
  void use() const;

  [[nodiscard]] bool has_watermark() const;
  /// The output mode of the nearest operator, here or before, that keeps results.
  [[nodiscard]] std::optional<output_mode> emits_here() const;
  /// Where the user wrote the last operator.
  [[nodiscard]] std::source_location written_at() const;

  /// The names and policies of all operators of the node that `end` makes of this.
  [[nodiscard]] std::shared_ptr<stage_operators> operators_with(const chain_end& end) const;
  /// Adds that node, each of whose replicas is one of `prototype`.
  node_id close(chain_end end, std::unique_ptr<const stage_frame> prototype,
                const stage_operators& all, std::source_location where) const;
};

} // namespace weir::detail
