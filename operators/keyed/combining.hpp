// Per-key aggregation with combining before the shuffle: reduce_by_key, combine_by_key,
// count_by_value.
#pragma once

#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/detail/partition_tables.hpp>
#include <weir/operators/detail/target_blocks.hpp>
#include <weir/operators/step/step.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// How values become accumulators. `create(value)`, `merge_value(accumulator, value)`,
/// `merge(accumulator, accumulator)`.
template <class Create, class MergeValue, class Merge>
struct combiner {
  [[no_unique_address]] Create create;
  [[no_unique_address]] MergeValue merge_value;
  [[no_unique_address]] Merge merge;
};

/// The tail before the shuffle: one accumulator per key and replica. When its share of the memory
/// budget is used up it sends what it has and starts anew, which is exact because `merge` is
/// associative.
template <class T, class Key, class Accumulator, class Combiner>
class combine_tail {
public:
  static constexpr bool emits_records = false;
  static constexpr bool keeps_origin = false;
  using out_record = std::pair<Key, Accumulator>;

  explicit combine_tail(Combiner combine) : combine_(std::move(combine)) {}

  void open(const replica_context& context) {
    targets_.open(context);
    retained_.open(context);
  }
  void begin() { records_ = 0; }
  void undo() noexcept {
    table_.clear();
    targets_.clear();
    retained_.release();
    sending_ = false;
  }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    try {
      const auto [found, added] = table_.find_or_make(record.first, [&]() -> Accumulator {
        return std::invoke(combine_.create, record.second);
      });
      if (!added)
        merge_into(*found, combine_.merge_value, record.second, end.drops());
    } catch (...) {
      end.threw();
    }
  }

  expected<void> leave(emitter& out) {
    if (!retained_.set(table_.bytes())) {
      (void)send(out, false);
      table_ = {}; // clearing keeps its capacity, and that alone is too much
    }
    return {};
  }

  expected<progress> end(emitter& out) {
    if (send(out, true) == progress::blocked)
      return progress::blocked;
    targets_.flush(out);
    return progress::done;
  }

  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  /// Moves the table's entries to the blocks of their partitions.
  progress send(emitter& out, bool resumable) {
    if (!sending_)
      next_ = table_.begin();
    sending_ = true;
    for (; next_ != table_.end(); ++next_) {
      if (resumable && out.blocked())
        return progress::blocked;
      ++records_;
      targets_.push(partition_of(next_->first, targets_.partitions()),
                    out_record(next_->first, std::move(next_->second)), out);
    }
    sending_ = false;
    table_.clear();
    retained_.release();
    return progress::done;
  }

  Combiner combine_;
  key_table<Key, Accumulator> table_;
  target_blocks<out_record> targets_;
  retained_bytes retained_;
  typename key_table<Key, Accumulator>::iterator next_{};
  bool sending_ = false;
  std::uint64_t records_ = 0;
};

/// The head behind the shuffle: merges the accumulators of all senders, and passes each key on
/// once, at the batch's end.
template <class Key, class Accumulator, class Combiner>
class combine_head {
public:
  using value = std::pair<Key, Accumulator>;

  explicit combine_head(Combiner combine) : combine_(std::move(combine)) {}

  void open(const replica_context& context) { tables_.open(context); }
  void begin(const batch&) { tables_.begin(); }
  void undo() noexcept { tables_.clear(); }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    auto& table = tables_.of(in.partition);
    const auto records = block_cast<value>(*in.data).records();
    for (const auto& [key, partial] : records) {
      try {
        const auto [found, added] =
            table.find_or_make(key, [&]() -> const Accumulator& { return partial; });
        if (!added)
          merge_into(*found, combine_.merge, partial, flow.drops());
      } catch (...) {
        flow.threw();
      }
    }
    flow.count_in(records.size());
    if (auto settled = flow.settle_noted(); !settled)
      return std::move(settled).error();
    if (auto kept = tables_.account(); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    return tables_.pass_on(mark, flow);
  }

private:
  Combiner combine_;
  partition_tables<Key, Accumulator> tables_;
};

} // namespace weir::detail
