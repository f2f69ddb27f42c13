// The head of a window that is brought up to date instead of computed anew: what entered is merged
// in, what left is taken out.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/window/window_blocks.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace weir::detail {

/// The key of everything, where a window is not by key.
enum class no_key : char { it };

/// How records fold into one `(no_key, accumulator)`.
template <class Create>
struct create_without_key {
  [[no_unique_address]] Create create;
  auto operator()(const auto& record) { return std::pair(no_key::it, create(record)); }
};
template <class MergeValue>
struct merge_without_key {
  [[no_unique_address]] MergeValue merge_value;
  template <class Accumulator>
  std::pair<no_key, Accumulator> operator()(std::pair<no_key, Accumulator> folded,
                                            const auto& record) {
    folded.second = merge_value(std::move(folded.second), record);
    return folded;
  }
};

/// What a window holds for one key.
template <class Accumulator>
struct window_value {
  Accumulator folded;
  std::uint64_t parts =
      0; ///< How many records of the window's batches were merged into it. At 0 the key leaves.
};

/// Reads the (key, partial value) records that combining before a shuffle sends. Per slide it costs
/// what the batches that entered and left hold, however many are between; passing the result on is
/// apart, and costs what the result holds.
///
/// Changes are made in place when a batch ends and noted until the next one begins, because until
/// then the batch can be undone. The notes point at keys inside kept blocks.
template <class Key, class Accumulator, class Merge, class Inverse>
class inverse_head : public window_blocks {
public:
  using record = std::pair<Key, Accumulator>;
  using value = std::conditional_t<std::is_same_v<Key, no_key>, Accumulator, record>;

  /// @param of_nothing what an empty window gives, if anything. For windows without keys.
  inverse_head(window_shape shape, Merge merge, Inverse inverse,
               std::optional<value> of_nothing = std::nullopt)
      : window_blocks(shape), merge_(std::move(merge)), inverse_(std::move(inverse)),
        of_nothing_(std::move(of_nothing)) {}

  void open(const replica_context& context) {
    replicas_ = context.replicas;
    index_ = context.index;
    window_blocks::open(context);
    retained_.open(context);
  }

  void begin(const batch& whole) {
    window_blocks::begin(whole);
    before_ = held_;
    next_ = shape().of(whole);
    updated_ = false;
    passing_ = 0;
    entered_ = false;
  }

  void committed() noexcept {
    notes_.clear();
    forget(held_.after);
  }

  void undo() noexcept {
    for (auto note = notes_.rbegin(); note != notes_.rend(); ++note)
      undo(*note);
    notes_.clear();
    held_ = before_;
    abort();
    (void)account();
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!mark.present)
      return progress::done;
    if (!updated_)
      if (auto done = update(flow); !done)
        return std::move(done).error();
    return pass_on(flow);
  }

  /// Moves the window on to the batch that is open. Once per batch.
  template <class Flow>
  expected<void> update(Flow& flow) {
    updated_ = true;
    // First out, then in: a key that all but left starts from what entered, without the old one's
    // error.
    for (const auto& from : batches()) {
      if (from.index > next_.after || from.index > held_.until)
        break;
      if (from.index > held_.after)
        for_each(from, [&](table& to, const record& part) { take_out(to, part, flow); });
    }
    auto first = batches().end();
    while (first != batches().begin() &&
           std::prev(first)->index > std::max(held_.until, next_.after))
      --first;
    for (; first != batches().end() && first->index <= next_.until; ++first)
      for_each(*first, [&](table& to, const record& part) { merge_in(to, part, flow); });
    held_ = next_;
    if (auto settled = flow.settle_noted(); !settled)
      return settled;
    return account();
  }

private:
  using held = window_value<Accumulator>;
  using table = key_table<Key, held>;

  /// How a key was before a change.
  struct change {
    table* in;
    const Key* key; ///< In a kept block.
    std::optional<held> before;
  };

  template <class Do>
  void for_each(const window_batch& from, Do&& act) {
    for (const auto& [data, partition] : from.blocks) {
      const std::size_t local = partition.value / replicas_;
      while (tables_.size() <= local)
        tables_.emplace_back();
      for (const auto& part : block_cast<record>(*data).records())
        act(tables_[local], part);
    }
  }

  template <class Flow>
  void take_out(table& from, const record& part, Flow& flow) {
    const auto found = from.find(part.first);
    if (found == from.end())
      return; // what was merged in threw, and was dropped
    notes_.push_back({&from, &part.first, found->second});
    if (--found->second.parts == 0)
      from.erase(found);
    else
      change_by(inverse_, found->second.folded, part.second, flow);
  }

  template <class Flow>
  void merge_in(table& to, const record& part, Flow& flow) {
    const auto found = to.find(part.first);
    if (found == to.end()) {
      notes_.push_back({&to, &part.first, std::nullopt});
      to.find_or_make(part.first, [&] { return held{part.second, 1}; });
      return;
    }
    notes_.push_back({&to, &part.first, found->second});
    ++found->second.parts;
    change_by(merge_, found->second.folded, part.second, flow);
  }

  template <class Function, class Flow>
  void change_by(Function& by, Accumulator& folded, const Accumulator& with, Flow& flow) {
    try {
      merge_into(folded, by, with, flow.drops());
    } catch (...) {
      flow.threw();
    }
  }

  void undo(change& note) noexcept {
    const auto found = note.in->find(*note.key);
    if (found != note.in->end() && !note.before)
      note.in->erase(found);
    else if (found != note.in->end())
      found->second = std::move(*note.before);
    else if (note.before)
      note.in->find_or_make(*note.key, [&] { return std::move(*note.before); });
  }

  expected<void> account() {
    std::size_t bytes = notes_.capacity() * sizeof(change);
    for (const auto& each : tables_)
      bytes += each.bytes();
    return retained_.set(bytes);
  }

  template <class Flow>
  expected<progress> pass_on(Flow& flow) {
    if (tables_.empty() && of_nothing_ && index_ == 0)
      tables_.emplace_back();
    for (; passing_ < tables_.size(); ++passing_) {
      auto& from = tables_[passing_];
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      if (!entered_) {
        at_ = from.begin();
        if (from.empty() && of_nothing_)
          flow.push(value(*of_nothing_));
      }
      entered_ = true;
      for (; at_ != from.end(); ++at_) {
        if (flow.blocked())
          return progress::blocked;
        if constexpr (std::is_same_v<Key, no_key>)
          flow.push(Accumulator(at_->second.folded));
        else
          flow.push(record(at_->first, at_->second.folded));
        if (auto settled = flow.settle_noted(); !settled)
          return std::move(settled).error();
      }
      entered_ = false;
    }
    return progress::done;
  }

  [[no_unique_address]] Merge merge_;
  [[no_unique_address]] Inverse inverse_;
  std::optional<value> of_nothing_;
  std::deque<table> tables_; ///< By partition / replicas. A deque: notes point at its tables.
  window_range held_;        ///< What the tables hold now,
  window_range before_;      ///< and held when the open batch began;
  window_range next_;        ///< what they will hold when it has ended, if it gives a result.
  std::vector<change> notes_;
  bool updated_ = false;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  retained_bytes retained_;
  std::size_t passing_ = 0; ///< Where passing on resumes.
  bool entered_ = false;
  typename table::iterator at_{};
};

} // namespace weir::detail
