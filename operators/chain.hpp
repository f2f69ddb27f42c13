// An open run of steps: its type carries them, so the compiler fuses them into one loop. Next:
// stream.hpp.
#pragma once

#include <weir/operators/detail/block_head.hpp>
#include <weir/operators/detail/chain_start.hpp>
#include <weir/operators/detail/forward_tail.hpp>
#include <weir/operators/detail/fused_stage.hpp>
#include <weir/operators/step/step.hpp>

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <tuple>
#include <utility>

namespace weir {

template <class T>
class stream;
template <class Derived, class T>
class stream_operators;

namespace detail {

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
      : chain(std::move(start).shared(), std::move(head), std::move(steps)) {}

  /// Gives the node that hosts this chain its identity across versions. Unique within the graph.
  [[nodiscard]] chain named(std::string name) const {
    return chain(start_->renamed(std::move(name)), head_, steps_);
  }

  /// Says what becomes of a record for which the last operator's function throws. Directly behind
  /// reduce_by_key, combine_by_key or reduce that covers combining before the exchange too, for
  /// every consumer of this chain.
  [[nodiscard]] chain on_error(const weir::on_error& policy) const {
    return chain(start_->failing_by(policy,
                                    detail::last_input_keepable<typename Head::value, Steps...>(),
                                    sizeof...(Steps) == 0),
                 head_, steps_);
  }

  /// Closes the chain: its records become blocks that any number of consumers share.
  [[nodiscard]] stream<T> share(std::source_location where = std::source_location::current()) const;
  operator stream<T>()
      const { // NOLINT(google-explicit-constructor): closing is what assigning means
    return share(start_->written_at()); // a conversion cannot take the user's line: that of the
                                        // last operator is next to it
  }

  /// For operators: this chain with one more step.
  template <class Step>
  [[nodiscard]] auto then(Step step, std::source_location where) const {
    using out = step::output_of<Step, T>;
    return chain<out, Head, Steps..., Step>(
        start_->longer(Step::kind, where), head_,
        std::tuple_cat(steps_, std::tuple<Step>(std::move(step))));
  }

  /// For operators: this chain, whose node assigns timestamps.
  [[nodiscard]] chain assigning(const watermark_options& options) const {
    return chain(start_->assigning(options), head_, steps_);
  }
  /// For operators: whether the records have a watermark.
  [[nodiscard]] bool has_watermark() const { return start_->has_watermark(); }

  /// For operators: the output mode of the aggregation over event time whose results these are.
  [[nodiscard]] std::optional<output_mode> emits() const { return start_->emits_here(); }

  /// For operators: closes the chain with a tail. @returns the node that now hosts it.
  template <class Tail>
  node_id close(const Tail& tail, detail::chain_end end, std::source_location where) const {
    const auto operators = start_->operators_with(end);
    return start_->close(std::move(end),
                         std::make_unique<const detail::fused_stage<Head, Tail, Steps...>>(
                             head_, steps_, tail, operators),
                         *operators, where);
  }

  /// For operators: the chain itself; a stream begins one here.
  [[nodiscard]] const chain& open_chain() const { return *this; }
  [[nodiscard]] const std::shared_ptr<composition>& composed() const { return start_->composed; }

  /// Whether views at the end point into the input block.
  static constexpr bool views_of_input = detail::all_views<typename Head::value, Steps...>();

private:
  template <class, class, class...>
  friend class chain;

  chain(std::shared_ptr<const detail::chain_start> start, Head head, std::tuple<Steps...> steps)
      : start_(std::move(start)), head_(std::move(head)), steps_(std::move(steps)) {}

  std::shared_ptr<const detail::chain_start> start_;
  Head head_;
  std::tuple<Steps...> steps_;
};

} // namespace weir
