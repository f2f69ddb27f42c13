// All values of a key together: group_by_key.
#pragma once

#include <weir/operators/detail/partition_tables.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// The head behind a shuffle that gathers values: passes `(key, values)` on at the batch's end. The
/// order of values is kept per source partition, undefined between them.
template <class In, class Key, class Value>
class group_head {
public:
  using value = std::pair<Key, std::vector<Value>>;

  void open(const replica_context& context) { tables_.open(context); }
  void begin(const batch&) { tables_.begin(); }
  void undo() noexcept {
    tables_.clear();
    value_bytes_ = 0;
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    auto& table = tables_.of(in.partition);
    const auto records = block_cast<In>(*in.data).records();
    for (const auto& [key, one] : records) {
      auto* values = table.find_or_make(key, [] { return std::vector<Value>(); }).first;
      value_bytes_ +=
          charge_of(values->emplace_back(record_traits<typename In::second_type>::to_owned(one)));
    }
    flow.count_in(records.size());
    if (auto kept = tables_.account(value_bytes_); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    auto passed = tables_.pass_on(mark, flow);
    if (passed && *passed == progress::done)
      value_bytes_ = 0;
    return passed;
  }

private:
  partition_tables<Key, std::vector<Value>> tables_;
  std::size_t value_bytes_ = 0;
};

} // namespace weir::detail
