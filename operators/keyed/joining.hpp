// Pairs of values that a key has in two streams: join and the outer joins.
#pragma once

#include <weir/operators/detail/side_lists.hpp>

#include <optional>
#include <utility>

namespace weir::detail {

/// Which keys a join passes on that only one side has.
struct join_kind {
  bool lone_left = false;
  bool lone_right = false;
};

/// The head behind two shuffles: passes `(key, (left, right))` on at the batch's end, for each pair
/// of values of a key. The pairs are made one by one as they leave, so a key with many values on
/// both sides costs no more memory than those. A side that the kind lets be absent is optional.
template <class LeftIn, class RightIn, join_kind Kind>
class join_head : public side_lists<LeftIn, RightIn> {
  using kept = side_lists<LeftIn, RightIn>;

public:
  template <class Value, bool MayBeAbsent>
  using side = std::conditional_t<MayBeAbsent, std::optional<Value>, Value>;
  using left_side = side<typename kept::left_value, Kind.lone_right>;
  using right_side = side<typename kept::right_value, Kind.lone_left>;
  using value = std::pair<typename kept::key, std::pair<left_side, right_side>>;

  void begin(const batch& whole) {
    kept::begin(whole);
    pairing_ = false;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    return this->pass_each(
        mark, flow, [&](const auto& k, const auto& both) { return pass_pairs(k, both, flow); });
  }

private:
  /// Every left value with every right one. An absent side takes part as one value that is none.
  template <class Flow>
  expected<progress> pass_pairs(const typename kept::key& k, const typename kept::sides& both,
                                Flow& flow) {
    const bool no_left = both.left.first == none;
    const bool no_right = both.right.first == none;
    if ((no_left && !Kind.lone_right) || (no_right && !Kind.lone_left))
      return progress::done;
    if (!pairing_) {
      left_at_ = both.left.first;
      right_at_ = both.right.first;
      pairing_ = true;
    }
    while (pairing_) {
      if (flow.blocked())
        return progress::blocked;
      flow.push(value(k, {at<Kind.lone_right>(this->left(), left_at_),
                          at<Kind.lone_left>(this->right(), right_at_)}));
      right_at_ = this->right().next(right_at_);
      if (right_at_ == none) {
        right_at_ = both.right.first;
        left_at_ = this->left().next(left_at_);
        pairing_ = left_at_ != none;
      }
      if (auto settled = flow.settle_noted(); !settled)
        return std::move(settled).error();
    }
    return progress::done;
  }

  template <bool MayBeAbsent, class Value>
  static side<Value, MayBeAbsent> at(value_lists<Value>& from, std::size_t index) {
    if constexpr (MayBeAbsent)
      if (index == none)
        return std::nullopt;
    return from[index];
  }

  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  std::size_t left_at_ = none; ///< Where `pass_pairs` resumes.
  std::size_t right_at_ = none;
  bool pairing_ = false; ///< Some pairs of the present key may have been passed on.
};

} // namespace weir::detail
