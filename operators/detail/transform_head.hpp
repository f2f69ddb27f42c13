// The head of transform: calls the user's function once per batch, with the whole batches of one or
// two streams.
#pragma once

#include <weir/operators/detail/partition_blocks.hpp>
#include <weir/operators/step/step.hpp>

#include <array>
#include <optional>
#include <ranges>
#include <tuple>

namespace weir::detail {

template <class Result>
struct unexpected_of {
  using type = Result;
};
template <class Result>
struct unexpected_of<expected<Result>> {
  using type = Result;
};

/// Keeps the blocks of all inputs until the batch ends, then passes on the elements of
/// `change(batch_view...)`, or of `change(batch_view..., batch_time)`, as one partition. One
/// replica.
template <class Function, class... In>
class transform_head {
  static constexpr bool takes_time =
      std::is_invocable_v<Function&, const batch_view<In>&..., batch_time>;

  static auto result_of(Function& change, const batch_view<In>&... all, batch_time at) {
    if constexpr (takes_time)
      return std::invoke(change, all..., at);
    else
      return std::invoke(change, all...);
  }

public:
  using result = decltype(result_of(std::declval<Function&>(),
                                    std::declval<const batch_view<In>&>()..., batch_time()));
  using range = typename unexpected_of<result>::type;
  using value = std::ranges::range_value_t<range>;

  /// @param inputs the nodes that the batches come from.
  transform_head(std::array<node_id, sizeof...(In)> inputs, Function change)
      : inputs_(inputs), change_(std::move(change)) {}

  void open(const replica_context& context) {
    each_input([&](auto, auto& blocks) { blocks.open(context); });
    retained_.open(context);
    name_ = context.name;
  }
  void begin(const batch& whole) {
    step::begin_function(change_, whole);
    whole_ = &whole;
    failures_ = 0;
    changed_ = false;
    next_ = 0;
  }
  void undo() noexcept {
    each_input([](auto, auto& blocks) { blocks.clear(); });
    result_.clear();
    retained_.release();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor&, Flow& flow) {
    expected<void> kept;
    each_input([&](std::size_t index, auto& blocks) {
      if (index == input)
        kept = blocks.keep(in);
    });
    if (!kept)
      return std::move(kept).error();
    flow.count_in(in.data->size());
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (mark.present && !changed_) {
      if (auto made = change(flow); !made || *made == progress::blocked)
        return made;
      changed_ = true;
    }
    flow.enter(partition_id(0));
    for (; next_ < result_.size(); ++next_) {
      if (flow.blocked())
        return progress::blocked;
      flow.push(std::move(result_[next_]));
      if (auto settled = flow.settle_noted(); !settled)
        return std::move(settled).error();
    }
    undo();
    return progress::done;
  }

private:
  template <class Use>
  void each_input(Use&& use) {
    std::size_t index = 0;
    std::apply([&](auto&... blocks) { (use(index++, blocks), ...); }, kept_);
  }

  /// @returns blocked when the function is to be called again.
  template <class Flow>
  expected<progress> change(Flow& flow) {
    std::size_t bytes = 0;
    std::optional<error> refused;
    try {
      const auto all = views(std::index_sequence_for<In...>()); // lazy ranges may refer to them
      auto made = std::apply(
          [&](const auto&... each) { return result_of(change_, each..., whole_->time); }, all);
      if constexpr (!std::is_same_v<result, range>) {
        if (made)
          bytes = take(*std::move(made));
        else
          refused = std::move(made).error();
      } else {
        bytes = take(std::move(made));
      }
    } catch (...) {
      result_.clear();
      if (flow.threw(failures_++))
        return progress::blocked;
    }
    if (refused)
      return std::move(*refused).with(name_);
    if constexpr (!self_contained<value>)
      if (auto* watch = flow.watch()) [[unlikely]] {
        watch->made(0, result_, [&](std::string_view text) {
          return std::apply([&](const auto&... kept) { return (... || kept.holds(text)); }, kept_);
        });
        if (watch->found()) // nobody is to read what is gone
          result_.clear();
      }
    if (auto settled = flow.settle_noted(); !settled)
      return std::move(settled).error();
    if (auto kept = retained_.set(bytes); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <std::size_t... I>
  std::tuple<batch_view<In>...> views(std::index_sequence<I...>) const {
    return {batch_view<In>(
        *whole_, std::get<I>(kept_).views(*whole_, whole_->nodes[inputs_[I].value].partitions))...};
  }

  std::size_t take(range&& elements) {
    std::size_t bytes = 0;
    for (auto&& element : elements)
      bytes += charge_of(result_.emplace_back(std::forward<decltype(element)>(element)));
    return bytes;
  }

  std::array<node_id, sizeof...(In)> inputs_;
  Function change_;
  std::tuple<partition_blocks<In>...> kept_;
  const batch* whole_ = nullptr;
  std::string name_;
  std::vector<value> result_;
  retained_bytes retained_; ///< Of the result; the blocks have accounts of their own.
  std::size_t next_ = 0;
  std::uint32_t failures_ = 0; ///< Of the function, for this batch.
  bool changed_ = false;       ///< It has been called for this batch.
};

} // namespace weir::detail
