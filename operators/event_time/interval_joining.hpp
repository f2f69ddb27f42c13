// Two streams, by key and by how far their event times are apart: kept until the watermark says
// that nothing can match any more.
#pragma once

#include <weir/operators/detail/key_table.hpp>
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
  std::vector<row> rows;
  std::size_t kept = 0; ///< The rows before are of earlier batches, and in order.

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

  void put_in_order(std::size_t from) {
    std::stable_sort(rows.begin() + static_cast<std::ptrdiff_t>(from), rows.end(),
                     [](const row& a, const row& b) { return a.time < b.time; });
  }
};

/// The head behind two shuffles of timed (key, value) pairs: `L` and `R` are the records of the
/// left and of the right input. A left row and a right row match when `lower <= right time - left
/// time <= upper`. Matches leave at the end of the batch that brings the later of the two, at the
/// later time; a row that matches nothing leaves when nothing can match it any more.
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
    commit();
    epoch_ = whole.epoch.value;
    late_until_ = whole.nodes[node_.value].late;
    evict_ = whole.nodes[node_.value].evict;
    late_ = 0;
    restart();
  }

  void clear() noexcept {
    for (auto& each : partitions_)
      for (const auto& k : each.touched) {
        const auto entry = each.table.find(k);
        auto& both = entry->second;
        undo(both.left);
        undo(both.right);
        if (both.left.rows.empty() && both.right.rows.empty())
          each.table.erase(entry);
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
      walking_ = false;
    }
    return progress::done;
  }

  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

private:
  struct sides {
    joined_side<left_value> left;
    joined_side<right_value> right;
    bool is_touched = false;
  };
  struct partition_state {
    key_table<key, sides> table;
    std::vector<key> touched; ///< With rows of the open batch.
  };

  template <class In, class Side>
  void keep(partition_state& to, const parcel& in, Side side) {
    for (const auto& [time, record] : block_cast<In>(*in.data).records()) {
      if (time <= late_until_) {
        ++late_;
        continue;
      }
      auto* both = to.table.find_or_make(record.first, [] { return sides(); }).first;
      if (!std::exchange(both->is_touched, true))
        to.touched.push_back(
            record_traits<typename untimed_t<In>::first_type>::to_owned(record.first));
      auto& rows = side(*both).rows;
      rows.push_back(
          {time, record_traits<typename untimed_t<In>::second_type>::to_owned(record.second)});
      bytes_ += charge_of(rows.back().value) + sizeof(rows.back()) - sizeof(rows.back().value);
    }
  }

  // ---- matches: each new left row with all right rows, each new right row with the kept left ones

  template <class Flow>
  expected<progress> pass_matches(partition_state& from, Flow& flow) {
    for (; touched_ < from.touched.size(); ++touched_) {
      const auto& k = from.touched[touched_];
      auto& both = from.table.find(k)->second;
      if (!in_order_) {
        both.left.put_in_order(both.left.kept);
        both.right.put_in_order(both.right.kept);
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

  /// A left row waits for right rows up to `upper` later, a right row for left ones `lower`
  /// earlier.
  [[nodiscard]] bool left_is_done(event_time time) const noexcept {
    return time + upper_ <= evict_;
  }
  [[nodiscard]] bool right_is_done(event_time time) const noexcept {
    return time - lower_ <= evict_;
  }

  template <class Flow>
  expected<progress> pass_lone(partition_state& from, Flow& flow) {
    if constexpr (Kind.lone_left || Kind.lone_right) {
      if (!walking_) {
        next_ = from.table.begin();
        left_ = right_ = 0;
      }
      walking_ = true;
      for (; next_ != from.table.end(); ++next_, left_ = right_ = 0) {
        auto& [k, both] = *next_;
        if constexpr (Kind.lone_left)
          for (; left_ < both.left.rows.size(); ++left_)
            if (const auto& row = both.left.rows[left_];
                row.matched_in == 0 && left_is_done(row.time)) {
              if (flow.blocked())
                return progress::blocked;
              flow.push(value{row.time, {k, {row.value, std::nullopt}}});
              if (auto settled = flow.settle_noted(); !settled)
                return std::move(settled).error();
            }
        if constexpr (Kind.lone_right)
          for (; right_ < both.right.rows.size(); ++right_)
            if (const auto& row = both.right.rows[right_];
                row.matched_in == 0 && right_is_done(row.time)) {
              if (flow.blocked())
                return progress::blocked;
              flow.push(value{row.time, {k, {std::nullopt, row.value}}});
              if (auto settled = flow.settle_noted(); !settled)
                return std::move(settled).error();
            }
      }
    }
    return progress::done;
  }

  // ---- from batch to batch

  template <class Value>
  void undo(joined_side<Value>& side) noexcept {
    side.rows.erase(side.rows.begin() + static_cast<std::ptrdiff_t>(side.kept), side.rows.end());
    for (auto& row : side.rows)
      if (row.matched_in == epoch_)
        row.matched_in = 0;
  }

  /// The batch before is final: rows that are done are forgotten, the others are kept in order.
  void commit() {
    if (ended_)
      for (auto& each : partitions_) {
        for (const auto& k : each.touched) {
          auto& both = each.table.find(k)->second;
          merge(both.left);
          merge(both.right);
        }
        each.table.erase_if([&](auto& entry) {
          auto& both = entry.second;
          forget(both.left, [&](const auto& row) {
            return left_is_done(row.time) || (Kind.semi && row.matched_in != 0);
          });
          forget(both.right, [&](const auto& row) { return right_is_done(row.time); });
          return both.left.rows.empty() && both.right.rows.empty();
        });
      }
    forget_changes();
  }

  template <class Value>
  static void merge(joined_side<Value>& side) {
    std::inplace_merge(side.rows.begin(),
                       side.rows.begin() + static_cast<std::ptrdiff_t>(side.kept), side.rows.end(),
                       [](const auto& a, const auto& b) { return a.time < b.time; });
    side.kept = side.rows.size();
  }
  template <class Value, class Done>
  static void forget(joined_side<Value>& side, Done done) {
    std::erase_if(side.rows, done);
    side.kept = side.rows.size();
  }

  void forget_changes() noexcept {
    bytes_ = 0;
    for (auto& each : partitions_) {
      each.touched.clear();
      for (auto& [k, both] : each.table) {
        both.is_touched = false;
        bytes_ += charge(both.left) + charge(both.right);
      }
    }
    (void)account(); // it became less
    restart();
  }

  template <class Value>
  [[nodiscard]] static std::size_t charge(const joined_side<Value>& side) {
    std::size_t bytes = side.rows.size() * sizeof(typename joined_side<Value>::row);
    for (const auto& row : side.rows)
      bytes += record_traits<Value>::heap_bytes(row.value);
    return bytes;
  }

  void restart() noexcept {
    ended_ = false;
    passing_ = 0;
    touched_ = 0;
    in_order_ = false;
    part_ = 0;
    at_ = none;
    walking_ = false;
  }

  expected<void> account() {
    std::size_t bytes = bytes_;
    for (const auto& each : partitions_)
      bytes += each.table.bytes() + each.touched.capacity() * sizeof(key);
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
  bool walking_ = false;
  typename key_table<key, sides>::iterator next_{};
};

} // namespace weir::detail
