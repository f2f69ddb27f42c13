// All values that a key has in two streams: cogroup.
#pragma once

#include <weir/operators/detail/side_lists.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// The head behind two shuffles: passes `(key, (left values, right values))` on at the batch's end,
/// for each key that either side has. The order of values is kept per source partition, undefined
/// between them.
template <class LeftIn, class RightIn>
class cogroup_head : public side_lists<LeftIn, RightIn> {
  using kept = side_lists<LeftIn, RightIn>;

public:
  using value = std::pair<typename kept::key, std::pair<std::vector<typename kept::left_value>,
                                                        std::vector<typename kept::right_value>>>;

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    return this->pass_each(mark, flow, [&](const auto& k, const auto& both) -> expected<progress> {
      if (flow.blocked())
        return progress::blocked;
      flow.push(value(
          k, {gathered(this->left(), both.left.first), gathered(this->right(), both.right.first)}));
      if (auto settled = flow.settle_noted(); !settled)
        return std::move(settled).error();
      return progress::done;
    });
  }

private:
  template <class Value>
  static std::vector<Value> gathered(value_lists<Value>& from, std::size_t first) {
    std::vector<Value> values;
    for (auto at = first; at != from.none; at = from.next(at))
      values.push_back(std::move(from[at]));
    return values;
  }
};

} // namespace weir::detail
