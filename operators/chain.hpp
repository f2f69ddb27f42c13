// An open run of steps: its type carries them, so the compiler fuses them into one loop. Next:
// stream.hpp.
#pragma once

#include <weir/operators/detail/block_head.hpp>
#include <weir/operators/detail/forward_tail.hpp>
#include <weir/operators/detail/fused_stage.hpp>
#include <weir/operators/step/step.hpp>
#include <weir/runtime/context.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace weir {

template <class T>
class stream;
template <class Derived, class T>
class stream_operators;

namespace detail {

/// What is known of a chain beside its functions: where it reads, and what its node will say of
/// itself.
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
  bool reads_side = false; ///< The side output of its input.
  std::string name{};
  std::vector<operator_info> operators{}; ///< Head first when it is an operator, then the steps.
  std::vector<weir::on_error> policies{}; ///< One for the head, then one per step.
  bool head_is_operator = false;
  std::shared_ptr<stage_operators>
      first_half{}; ///< Of the head's operator: the node before the exchange that begins its work.
};

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

/// A step whose results are views of its own memory, and not of the record it was given.
template <class Step>
concept makes_own_views = requires { requires Step::makes_own_views; };

/// Whether every value from the head to behind the last step is a view of the input block.
template <class In>
consteval bool all_views() {
  return !self_contained<In>;
}
template <class In, class First, class... Rest>
consteval bool all_views() {
  return !self_contained<In> && !makes_own_views<First> &&
         all_views<step::output_of<First, In>, Rest...>();
}

/// Whether the last step can be called again with its record after a while.
template <class In>
consteval bool last_input_keepable() {
  return true;
}
template <class In, class Last>
consteval bool last_input_keepable() {
  return keepable<In>;
}
template <class In, class First, class Second, class... Rest>
consteval bool last_input_keepable() {
  return last_input_keepable<step::output_of<First, In>, Second, Rest...>();
}

} // namespace detail

/// An open chain: head, then steps, on one thread and in one loop. Further steps extend it; an
/// action, a shuffle, `share()` or conversion to `stream<T>` closes it into a node. A chain that is
/// used twice runs twice, unless shared. At most 32 steps: compile time grows with their square.
/// Copyable as long as its functions are.
template <class T, class Head, class... Steps>
class [[nodiscard("a chain does nothing until an action closes it")]] chain
    : public stream_operators<chain<T, Head, Steps...>, T> {
public:
  static_assert(sizeof...(Steps) <= 32,
                "more than 32 steps in one chain: put .share() in between, or join steps into one");
  using record_type = T;

  chain(detail::chain_start start, Head head, std::tuple<Steps...> steps)
      : start_(std::move(start)), head_(std::move(head)), steps_(std::move(steps)) {}

  /// Gives the node that hosts this chain its identity across versions. Unique within the graph.
  [[nodiscard]] chain named(std::string name) const {
    chain renamed = *this;
    renamed.start_.name = std::move(name);
    return renamed;
  }

  /// Says what becomes of a record for which the last operator's function throws. Directly behind
  /// reduce_by_key, combine_by_key or reduce that covers combining before the exchange too, for
  /// every consumer of this chain.
  [[nodiscard]] chain on_error(const weir::on_error& policy) const {
    if (auto fits = policy.check(); !fits)
      start_.composed->graph.add_mistake(std::move(fits).error().at(written_at()));
    if (policy.retries() > 0 && !detail::last_input_keepable<typename Head::value, Steps...>())
      start_.composed->graph.add_mistake(
          error(errc::invalid_config,
                "on_error: '" + start_.operators.back().kind +
                    "' cannot be retried: weir cannot keep its records until then, as their type "
                    "is, holds or may hold a view; use an owning type, or specialise "
                    "weir::record_traits")
              .at(written_at()));
    chain changed = *this;
    changed.start_.policies.back() = policy;
    if (start_.first_half && sizeof...(Steps) == 0) {
      start_.first_half->policies.back() = policy;
      start_.composed->graph.at(start_.inputs.front()).blocking |= policy.blocking();
    }
    return changed;
  }

  /// Closes the chain: its records become blocks that any number of consumers share.
  [[nodiscard]] stream<T> share(std::source_location where = std::source_location::current()) const;
  operator stream<T>()
      const { // NOLINT(google-explicit-constructor): closing is what assigning means
    return share(written_at()); // a conversion cannot take the user's line: that of the last
                                // operator is next to it
  }

  /// For operators: this chain with one more step.
  template <class Step>
  [[nodiscard]] auto then(Step step, std::source_location where) const {
    auto longer = start_;
    longer.operators.push_back({std::string(Step::kind), where});
    longer.policies.push_back(start_.composed->options.on_error);
    using out = step::output_of<Step, T>;
    return chain<out, Head, Steps..., Step>(
        std::move(longer), head_, std::tuple_cat(steps_, std::tuple<Step>(std::move(step))));
  }

  /// For operators: this chain, whose node assigns timestamps.
  [[nodiscard]] chain assigning(const watermark_options& options) const {
    chain changed = *this;
    changed.start_.assigns = options;
    return changed;
  }
  /// For operators: whether the records have a watermark.
  [[nodiscard]] bool has_watermark() const {
    return start_.assigns ||
           std::any_of(start_.inputs.begin(), start_.inputs.end(), [this](node_id input) {
             return start_.composed->graph.has_watermark(input);
           });
  }

  /// For operators: the output mode of the aggregation over event time whose results these are.
  [[nodiscard]] std::optional<output_mode> emits() const {
    auto found = start_.emits;
    for (std::size_t i = 0; !found && i < start_.inputs.size(); ++i)
      found = start_.composed->graph.emits(start_.inputs[i]);
    return found;
  }

  /// For operators: closes the chain with a tail. @returns the node that now hosts it.
  template <class Tail>
  node_id close(Tail tail, detail::chain_end end, std::source_location where) const {
    auto operators = end.operators ? end.operators : std::make_shared<detail::stage_operators>();
    if (!start_.head_is_operator)
      operators->kinds.emplace_back("read");
    for (const auto& op : start_.operators)
      operators->kinds.push_back(op.kind);
    operators->kinds.push_back(end.kind);
    operators->policies = start_.policies;
    operators->policies.push_back(start_.composed->options.on_error);

    operators->job = start_.composed->options.name;

    node n;
    n.name = start_.name;
    n.operators = start_.operators;
    n.inputs = start_.inputs;
    n.partitions = end.partitions;
    n.fixed_partitions = end.fixed_partitions;
    if (start_.fixed_partitions && end.partitions == partition_rule::of_input) {
      n.partitions = partition_rule::fixed;
      n.fixed_partitions = start_.fixed_partitions;
    }
    n.max_replicas = start_.max_replicas;
    n.concatenates = start_.concatenates;
    n.retains = start_.retains || end.retains;
    n.needs_all_inputs = start_.needs_all_inputs || end.needs_all_inputs;
    n.assigns = start_.assigns;
    n.lowers_watermark = start_.lowers_watermark;
    n.slide = start_.slide;
    n.emits = start_.emits;
    n.answers_missing = start_.answers_missing;
    n.reads_side = start_.reads_side;
    n.where = where;
    n.blocking = std::any_of(operators->policies.begin(), operators->policies.end(),
                             [](const weir::on_error& policy) { return policy.blocking(); });
    if (!end.kind.empty())
      n.operators.push_back({end.kind, where});
    if (n.operators.empty())
      n.operators.push_back({"share", where});
    n.make_stage = [head = head_, steps = steps_, tail = std::move(tail),
                    operators]() -> std::unique_ptr<stage> {
      return std::make_unique<detail::fused_stage<Head, Tail, Steps...>>(head, steps, tail,
                                                                         operators);
    };
    return start_.composed->graph.add(std::move(n));
  }

  /// For operators: the chain itself; a stream begins one here.
  [[nodiscard]] const chain& open_chain() const { return *this; }
  [[nodiscard]] const std::shared_ptr<composition>& composed() const { return start_.composed; }

  /// Whether views at the end point into the input block.
  static constexpr bool views_of_input = detail::all_views<typename Head::value, Steps...>();

private:
  [[nodiscard]] std::source_location written_at() const {
    return start_.operators.empty() ? start_.composed->graph.at(start_.inputs.front()).where
                                    : start_.operators.back().where;
  }

  detail::chain_start start_;
  Head head_;
  std::tuple<Steps...> steps_;
};

} // namespace weir
