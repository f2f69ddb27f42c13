// One value out of a whole batch: count and reduce.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/runtime/stage.hpp>

#include <optional>

namespace weir::detail {

/// How records become one accumulator. `create(record)`, `merge_value(accumulator, record)`,
/// `merge(accumulator, accumulator)`, and what an empty batch gives: an accumulator, or nothing.
template <class Accumulator, class Create, class MergeValue, class Merge>
struct folder {
  [[no_unique_address]] Create create;
  [[no_unique_address]] MergeValue merge_value;
  [[no_unique_address]] Merge merge;
  std::optional<Accumulator> of_nothing;
};

/// The tail before the gathering: one accumulator per replica, sent to the only partition.
template <class Accumulator, class Folder>
class fold_tail {
public:
  static constexpr bool emits_records = false;
  static constexpr bool keeps_origin = false;

  explicit fold_tail(Folder fold) : fold_(std::move(fold)) {}

  void open(const replica_context&) {}
  void begin() { records_ = 0; }
  void undo() noexcept { folded_.reset(); }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    try {
      if (folded_) [[likely]]
        merge_into(*folded_, fold_.merge_value, record, end.drops());
      else
        folded_.emplace(fold_.create(record));
    } catch (...) {
      end.threw();
    }
  }

  expected<void> leave(emitter&) { return {}; }

  expected<progress> end(emitter& out) {
    if (folded_) {
      block_builder<Accumulator> one;
      one.push(std::move(*folded_));
      out.emit(partition_id(0), one.build());
      records_ = 1;
    }
    folded_.reset();
    return progress::done;
  }

  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  Folder fold_;
  std::optional<Accumulator> folded_;
  std::uint64_t records_ = 0;
};

/// The head behind it: merges the accumulators of all replicas and passes the result on at the
/// batch's end.
template <class Accumulator, class Folder>
class fold_head {
public:
  using value = Accumulator;

  explicit fold_head(Folder fold) : fold_(std::move(fold)) {}

  void open(const replica_context&) {}
  void begin(const batch&) {}
  void undo() noexcept { folded_.reset(); }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    const auto records = block_cast<Accumulator>(*in.data).records();
    for (const auto& partial : records) {
      try {
        if (folded_)
          merge_into(*folded_, fold_.merge, partial, flow.drops());
        else
          folded_ = partial;
      } catch (...) {
        flow.threw();
      }
    }
    flow.count_in(records.size());
    if (auto settled = flow.settle_noted(); !settled)
      return std::move(settled).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!folded_)
      folded_ = fold_.of_nothing;
    if (folded_ && mark.present) {
      flow.enter(partition_id(0));
      flow.push(std::move(*folded_));
    }
    folded_.reset();
    if (auto settled = flow.settle_noted(); !settled)
      return std::move(settled).error();
    return progress::done;
  }

private:
  Folder fold_;
  std::optional<Accumulator> folded_;
};

} // namespace weir::detail
