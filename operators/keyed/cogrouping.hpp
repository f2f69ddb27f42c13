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
class cogroup_head {
public:
  using kept = side_lists<LeftIn, RightIn>;
  using value = std::pair<typename kept::key, std::pair<std::vector<typename kept::left_value>,
                                                        std::vector<typename kept::right_value>>>;

  void open(const replica_context& context) { kept_.open(context); }
  void begin(const batch&) { kept_.begin(); }
  void clear() noexcept { kept_.clear(); }

  template <class Flow>
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor&, Flow& flow) {
    flow.count_in(in.data->size());
    if (auto done = kept_.keep(input, in); !done)
      return std::move(done).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    return kept_.pass_each(mark, flow,
                           [&](const auto& key, const auto& sides) -> expected<progress> {
                             if (flow.blocked())
                               return progress::blocked;
                             flow.push(value(key, {gathered(kept_.left(), sides.left.first),
                                                   gathered(kept_.right(), sides.right.first)}));
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

  kept kept_;
};

} // namespace weir::detail
