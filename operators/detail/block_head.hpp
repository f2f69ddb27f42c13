// The head of most chains: pushes the records of each block, one by one. Next: the steps, then a
// tail.
#pragma once

#include <weir/operators/detail/original.hpp>
#include <weir/runtime/stage.hpp>

namespace weir::detail {

/// Reads blocks of `T` and keeps nothing. Resumes at any record.
template <class T>
class block_head {
public:
  using value = T;

  void open(const replica_context&) {}
  void begin(const batch&) {}
  void undo() noexcept {}

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor& cursor, Flow& flow) {
    const auto& typed = block_cast<T>(*in.data);
    const auto records = typed.records();
    std::size_t i = cursor.next_record;
    flow.enter(in.partition, in.data);
    for (; i < records.size(); ++i) {
      if constexpr (Flow::keeps_origin)
        flow.origin(typed.origin(i));
      flow.push(records[i]);
      if (flow.noted()) [[unlikely]] {
        if (auto settled = flow.settle(in.partition, typed.origin(i), original_of(records[i]));
            !settled)
          return std::move(settled).error();
        if (flow.waits()) {
          ++i;
          break;
        }
      }
      if constexpr (Flow::may_block)
        if (flow.blocked()) {
          ++i;
          break;
        }
    }
    flow.count_in(i - cursor.next_record);
    cursor.next_record = i;
    if (i < records.size())
      return progress::blocked;
    if (auto left = flow.leave(); !left)
      return std::move(left).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier&, Flow&) {
    return progress::done;
  }
};

} // namespace weir::detail
