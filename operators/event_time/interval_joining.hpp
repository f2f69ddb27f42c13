// Two streams, by key and by how far their event times are apart: kept until the watermark says
// that nothing can match any more.
#pragma once

#include <weir/operators/event_time/detail/due_keys.hpp>
#include <weir/runtime/stage.hpp>
#include <weir/runtime/timed.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace weir::detail {

/// Which rows leave: pairs, and rows of a side that match nothing; or each left row that matches,
/// once.
struct interval_join_kind {
  bool lone_left = false;
  bool lone_right = false;
  bool semi = false;
};

/// What leaves a join for values `L` and `R` of the two sides.
template <class Key, class L, class R, interval_join_kind Kind>
struct interval_join_result {
  using left = std::conditional_t<Kind.lone_right, std::optional<L>, L>;
  using right = std::conditional_t<Kind.lone_left, std::optional<R>, R>;
  using type = timed<std::pair<Key, std::pair<left, right>>>;
};
template <class Key, class L, class R, interval_join_kind Kind>
  requires(Kind.semi)
struct interval_join_result<Key, L, R, Kind> {
  using type = timed<std::pair<Key, L>>;
};

/// The rows of one side and key: those kept by time, then those of the open batch.
template <class Value>
struct joined_side {
  struct row {
    event_time time;
    Value value;
    std::uint64_t matched_in = 0; ///< Epoch of the first match; 0: none yet.
  };
  std::chrono::milliseconds wait; ///< After its time, nothing can match a row any more.
  std::vector<row> rows;
  std::size_t kept = 0; ///< The rows before are of earlier batches, and in order.

  explicit joined_side(std::chrono::milliseconds wait_for_match) : wait(wait_for_match) {}

  [[nodiscard]] bool has_new() const noexcept { return kept < rows.size(); }
  [[nodiscard]] event_time due(const row& of) const noexcept { return of.time + wait; }
  [[nodiscard]] event_time first_due() const noexcept {
    auto first = event_time::max();
    if (!rows.empty())
      first = due(rows.front());
    if (has_new())
      first = std::min(first, due(rows[kept]));
    return first;
  }

  /// The kept rows, or the new ones, with `from <= time <= until`, as numbers. Both parts are in
  /// order.
  [[nodiscard]] std::pair<std::size_t, std::size_t> between(bool fresh, event_time from,
                                                            event_time until) const {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(fresh ? kept : 0);
    const auto last = fresh ? rows.end() : rows.begin() + static_cast<std::ptrdiff_t>(kept);
    const auto low =
        std::lower_bound(first, last, from, [](const row& r, event_time t) { return r.time < t; });
    const auto high =
        std::upper_bound(low, last, until, [](event_time t, const row& r) { return t < r.time; });
    return {static_cast<std::size_t>(low - rows.begin()),
            static_cast<std::size_t>(high - rows.begin())};
  }

  void put_new_in_order() { std::stable_sort(first_new(), rows.end(), earlier); }
  void keep_new() {
    std::inplace_merge(rows.begin(), first_new(), rows.end(), earlier);
    kept = rows.size();
  }

private:
  auto first_new() { return rows.begin() + static_cast<std::ptrdiff_t>(kept); }
  static bool earlier(const row& a, const row& b) noexcept { return a.time < b.time; }
};

/// The head behind two shuffles of timed (key, value) pairs: `L` and `R` are the records of the
/// left and of the right input. A left row and a right row match when `lower <= right time - left
/// time <= upper`. Matches leave at the end of the batch that brings the later of the two, at the
/// later time; a row that matches nothing leaves when nothing can match it any more. A batch costs
/// what the keys hold that it touches or closes something of, not what is kept.
template <class LeftIn, class RightIn, interval_join_kind Kind>
class interval_join_head {
public:
  using key = owned_t<typename untimed_t<LeftIn>::first_type>;
  using left_value = owned_t<typename untimed_t<LeftIn>::second_type>;
  using right_value = owned_t<typename untimed_t<RightIn>::second_type>;
  using value = typename interval_join_result<key, left_value, right_value, Kind>::type;

  interval_join_head(std::chrono::milliseconds lower, std::chrono::milliseconds upper)
      : lower_(lower), upper_(upper) {}

  void open(const replica_context& context) {
    node_ = context.node;
    replicas_ = context.replicas;
    index_ = context.index;
    retained_.open(context);
  }

  void begin(const batch& whole) {
    epoch_ = whole.epoch.value;
    late_until_ = whole.nodes[node_.value].late;
    evict_ = whole.nodes[node_.value].evict;
    late_ = 0;
  }

  /// Rows that are done are forgotten, the others are kept in order.
  void committed() {
    if (ended_)
      for (auto& each : partitions_) {
        for (const auto& k : each.touched) {
          auto& both = each.table.find(k)->second;
          both.left.keep_new();
          both.right.keep_new();
          if constexpr (Kind.semi) // a row that it matches is still there
            forget(both.left, [](const auto& row) { return row.matched_in != 0; });
        }
        each.due.settle(each.table, [&](sides& both) {
          forget(both.left, [&](const auto& row) { return both.left.due(row) <= evict_; });
          forget(both.right, [&](const auto& row) { return both.right.due(row) <= evict_; });
          return !both.empty();
        });
      }
    forget_changes();
  }

  void undo() noexcept {
    for (auto& each : partitions_) {
      each.due.settle(each.table, [](const sides&) { return true; });
      for (const auto& k : each.touched) {
        const auto entry = each.table.find(k);
        undo(entry->second.left);
        undo(entry->second.right);
        if (entry->second.empty())
          each.table.erase(entry);
      }
    }
    forget_changes();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor&, Flow& flow) {
    const auto local = in.partition.value / replicas_;
    if (partitions_.size() <= local)
      partitions_.resize(local + 1);
    if (input == 0)
      keep<LeftIn>(partitions_[local], in, [](sides& both) -> auto& { return both.left; });
    else
      keep<RightIn>(partitions_[local], in, [](sides& both) -> auto& { return both.right; });
    flow.count_in(in.data->size());
    if (auto kept = account(); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!mark.present)
      return progress::done;
    ended_ = true;
    for (; passing_ < partitions_.size(); ++passing_) {
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      auto& from = partitions_[passing_];
      auto passed = pass_matches(from, flow);
      if (passed && *passed == progress::done)
        passed = pass_lone(from, flow);
      if (!passed || *passed == progress::blocked)
        return passed;
      touched_ = 0;
      taken_ = 0;
    }
    return progress::done;
  }

  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

private:
  struct sides {
    joined_side<left_value> left;
    joined_side<right_value> right;
    event_time due = event_time::max(); ///< See due_keys.

    /// A left row waits for right rows up to `upper` later, a right row for left ones `lower`
    /// earlier.
    sides(std::chrono::milliseconds lower, std::chrono::milliseconds upper)
        : left(upper), right(-lower) {}
    [[nodiscard]] event_time first_due() const noexcept {
      return std::min(left.first_due(), right.first_due());
    }
    [[nodiscard]] bool empty() const noexcept { return left.rows.empty() && right.rows.empty(); }
  };
  struct partition_state {
    key_table<key, sides> table;
    due_keys<key, sides> due;
    std::vector<key> touched; ///< With rows of the open batch.
  };

  template <class In, class Side>
  void keep(partition_state& to, const parcel& in, Side side) {
    for (const auto& [time, record] : block_cast<In>(*in.data).records()) {
      if (time <= late_until_) {
        ++late_;
        continue;
      }
      auto* both = to.table.find_or_make(record.first, [&] { return sides(lower_, upper_); }).first;
      if (!both->left.has_new() && !both->right.has_new())
        to.touched.push_back(
            record_traits<typename untimed_t<In>::first_type>::to_owned(record.first));
      auto& rows = side(*both).rows;
      rows.push_back(
          {time, record_traits<typename untimed_t<In>::second_type>::to_owned(record.second)});
      bytes_ += charge(rows.back());
    }
  }

  // ---- matches: each new left row with all right rows, each new right row with the kept left ones

  template <class Flow>
  expected<progress> pass_matches(partition_state& from, Flow& flow) {
    for (; touched_ < from.touched.size(); ++touched_) {
      const auto& k = from.touched[touched_];
      auto& both = from.table.find(k)->second;
      if (!in_order_) {
        both.left.put_new_in_order();
        both.right.put_new_in_order();
        from.due.note(k, both);
        left_ = both.left.kept;
        right_ = both.right.kept;
        in_order_ = true;
      }
      for (; left_ < both.left.rows.size(); ++left_, part_ = 0, at_ = none) {
        for (; part_ < 2; ++part_, at_ = none) {
          const auto time = both.left.rows[left_].time;
          const auto [first, last] = both.right.between(part_ == 1, time + lower_, time + upper_);
          for (at_ = at_ == none ? first : at_; at_ < last; ++at_) {
            if (flow.blocked())
              return progress::blocked;
            match(k, both.left.rows[left_], both.right.rows[at_], flow);
            if (auto settled = flow.settle_noted(); !settled)
              return std::move(settled).error();
          }
        }
      }
      for (; right_ < both.right.rows.size(); ++right_, at_ = none) {
        const auto time = both.right.rows[right_].time;
        const auto [first, last] = both.left.between(false, time - upper_, time - lower_);
        for (at_ = at_ == none ? first : at_; at_ < last; ++at_) {
          if (flow.blocked())
            return progress::blocked;
          match(k, both.left.rows[at_], both.right.rows[right_], flow);
          if (auto settled = flow.settle_noted(); !settled)
            return std::move(settled).error();
        }
      }
      in_order_ = false;
      left_ = right_ = 0;
    }
    return progress::done;
  }

  template <class Left, class Right, class Flow>
  void match(const key& k, Left& left, Right& right, Flow& flow) {
    const bool first_match = left.matched_in == 0;
    if (first_match)
      left.matched_in = epoch_;
    if (right.matched_in == 0)
      right.matched_in = epoch_;
    if constexpr (!Kind.semi)
      flow.push(value{std::max(left.time, right.time), {k, {left.value, right.value}}});
    else if (first_match)
      flow.push(value{left.time, {k, left.value}});
  }

  // ---- rows that nothing can match any more

  template <class Flow>
  expected<progress> pass_lone(partition_state& from, Flow& flow) {
    from.due.take(from.table, evict_);
    for (; taken_ < from.due.taken().size(); ++taken_, left_ = right_ = 0) {
      const auto& [k, both] = *from.due.taken()[taken_];
      if constexpr (Kind.lone_left)
        for (; left_ < both.left.rows.size(); ++left_)
          if (const auto& row = both.left.rows[left_]; is_lone(both.left, row)) {
            if (flow.blocked())
              return progress::blocked;
            flow.push(value{row.time, {k, {row.value, std::nullopt}}});
            if (auto settled = flow.settle_noted(); !settled)
              return std::move(settled).error();
          }
      if constexpr (Kind.lone_right)
        for (; right_ < both.right.rows.size(); ++right_)
          if (const auto& row = both.right.rows[right_]; is_lone(both.right, row)) {
            if (flow.blocked())
              return progress::blocked;
            flow.push(value{row.time, {k, {std::nullopt, row.value}}});
            if (auto settled = flow.settle_noted(); !settled)
              return std::move(settled).error();
          }
    }
    return progress::done;
  }

  [[nodiscard]] bool is_lone(const auto& side, const auto& row) const noexcept {
    return row.matched_in == 0 && side.due(row) <= evict_;
  }

  // ---- from batch to batch

  void undo(auto& side) noexcept {
    for (; side.has_new(); side.rows.pop_back())
      bytes_ -= charge(side.rows.back());
    for (auto& row : side.rows)
      if (row.matched_in == epoch_)
        row.matched_in = 0;
  }

  template <class Gone>
  void forget(auto& side, Gone gone) {
    std::erase_if(side.rows, [&](const auto& row) {
      const bool goes = gone(row);
      bytes_ -= goes ? charge(row) : 0;
      return goes;
    });
    side.kept = side.rows.size();
  }

  [[nodiscard]] static std::size_t charge(const auto& row) {
    return sizeof(row) + charge_of(row.value) - sizeof(row.value);
  }

  void forget_changes() noexcept {
    for (auto& each : partitions_)
      each.touched.clear();
    (void)account(); // it became less
    ended_ = false;
    passing_ = 0;
    touched_ = 0;
    in_order_ = false;
    left_ = right_ = 0;
    part_ = 0;
    at_ = none;
    taken_ = 0;
  }

  expected<void> account() {
    std::size_t bytes = bytes_;
    for (const auto& each : partitions_)
      bytes += each.table.bytes() + each.due.bytes() + each.touched.capacity() * sizeof(key);
    return retained_.set(bytes);
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::chrono::milliseconds lower_;
  std::chrono::milliseconds upper_;
  node_id node_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  std::uint64_t epoch_ = 0;
  watermark late_until_ = watermark::min();
  watermark evict_ = watermark::min();
  std::vector<partition_state> partitions_; ///< By partition / replicas.
  retained_bytes retained_;
  std::size_t bytes_ = 0; ///< Of the rows.
  std::uint64_t late_ = 0;
  bool ended_ = false;

  // Where `end` resumes.
  std::size_t passing_ = 0; ///< Partition.
  std::size_t touched_ = 0; ///< Key.
  bool in_order_ = false;
  std::size_t left_ = 0; ///< Row.
  std::size_t right_ = 0;
  std::size_t part_ = 0;  ///< Kept rows of the other side, or new ones.
  std::size_t at_ = none; ///< Row of the other side.
  std::size_t taken_ = 0; ///< Key of which something is due.
};

} // namespace weir::detail
