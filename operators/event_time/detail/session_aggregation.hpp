// Aggregation per session and key: records that follow each other closely, however long that goes
// on.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/detail/partition_tables.hpp>
#include <weir/operators/detail/target_blocks.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/runtime/output_mode.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir::detail {

/// The sessions of one key, in order; no two of them touch.
template <class Accumulator>
class session_list {
public:
  struct session {
    time_window window;
    Accumulator value;
  };

  /// Takes in what happened in `window`: sessions that it touches become one with it, also where
  /// one ends when the other begins. `create()` makes an accumulator of it, `add(accumulator)` adds
  /// it to one, `merge(accumulator, accumulator)` joins two. When one of them throws nothing has
  /// changed.
  template <class Create, class Add, class Merge>
  void take_in(time_window window, Create&& create, Add&& add, Merge&& merge) {
    const auto first =
        std::lower_bound(all_.begin(), all_.end(), window.start,
                         [](const session& s, event_time start) { return s.window.end < start; });
    auto last = first;
    while (last != all_.end() && last->window.start <= window.end)
      ++last;
    if (first == last) {
      all_.insert(first, session{window, create()});
      return;
    }
    if (last - first == 1) {
      add(first->value);
    } else {
      Accumulator joined(first->value);
      for (auto next = first + 1; next != last; ++next)
        joined = merge(std::move(joined), next->value);
      add(joined);
      first->value = std::move(joined);
    }
    first->window = {std::min(first->window.start, window.start),
                     std::max((last - 1)->window.end, window.end)};
    all_.erase(first + 1, last);
  }

  [[nodiscard]] const std::vector<session>& all() const noexcept { return all_; }
  [[nodiscard]] std::vector<session>& all() noexcept { return all_; }

  [[nodiscard]] std::size_t heap_bytes() const {
    std::size_t bytes = all_.capacity() * sizeof(session);
    if constexpr (!std::is_trivially_copyable_v<Accumulator>)
      for (const auto& each : all_)
        bytes += record_traits<Accumulator>::heap_bytes(each.value);
    return bytes;
  }

private:
  std::vector<session> all_;
};

/// The tail before the shuffle: sessions as far as one replica can see them. A record is late when
/// its own end is; with what it might touch it is not compared.
template <class Parts, class Accumulator, class Combiner>
class session_combine_tail {
public:
  static constexpr bool emits_records = false;
  static constexpr bool keeps_origin = false;
  using key = typename Parts::key;
  using out_record = windowed<key, Accumulator>;

  session_combine_tail(Combiner combine, sessions gap, output_mode mode)
      : combine_(std::move(combine)), gap_(gap), drops_late_(mode != output_mode::complete) {}

  void open(const replica_context& context) {
    node_ = context.node;
    targets_.open(context);
    retained_.open(context);
  }
  void begin(const batch& whole) {
    late_until_ = drops_late_ ? whole.nodes[node_.value].late : watermark::min();
    records_ = 0;
    late_ = 0;
  }
  void clear() noexcept {
    table_.clear();
    targets_.clear();
    retained_.release();
    session_bytes_ = 0;
    sending_ = false;
  }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    const time_window window{record.time, gap_.end_of(record.time)};
    if (window.end <= late_until_) {
      ++late_;
      return;
    }
    const auto& value = Parts::value_of(record.value);
    auto* known =
        table_.find_or_make(Parts::key_of(record.value), [] { return session_list<Accumulator>(); })
            .first;
    const auto before = known->all().capacity();
    try {
      known->take_in(
          window, [&]() -> Accumulator { return std::invoke(combine_.create, value); },
          [&](Accumulator& to) { merge_into(to, combine_.merge_value, value, end.drops()); },
          combine_.merge);
    } catch (...) {
      end.threw();
    }
    session_bytes_ +=
        (known->all().capacity() - before) * sizeof(typename session_list<Accumulator>::session);
  }

  expected<void> leave(emitter& out) {
    if (!retained_.set(table_.bytes() + session_bytes_)) {
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
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

private:
  progress send(emitter& out, bool resumable) {
    if (!sending_)
      next_ = table_.begin();
    sending_ = true;
    for (; next_ != table_.end(); ++next_) {
      if (resumable && out.blocked())
        return progress::blocked;
      const auto target = partition_of(next_->first, targets_.partitions());
      for (auto& [window, value] : next_->second.all()) {
        ++records_;
        targets_.push(target, out_record{window, next_->first, std::move(value)}, out);
      }
    }
    sending_ = false;
    table_.clear();
    retained_.release();
    session_bytes_ = 0;
    return progress::done;
  }

  Combiner combine_;
  sessions gap_;
  bool drops_late_;
  node_id node_;
  watermark late_until_ = watermark::min();
  key_table<key, session_list<Accumulator>> table_;
  typename key_table<key, session_list<Accumulator>>::iterator next_{};
  bool sending_ = false;
  target_blocks<out_record> targets_;
  retained_bytes retained_;
  std::size_t session_bytes_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t late_ = 0;
};

/// The head behind it. As in windows, what a batch brings is merged into the state when the batch
/// ends, and from then on stands for what a key had before.
template <class Key, class Accumulator, class Combiner>
class session_head {
public:
  using value = windowed<std::conditional_t<std::is_same_v<Key, unkeyed>, void, Key>, Accumulator>;

  session_head(Combiner combine, sessions, output_mode mode)
      : combine_(std::move(combine)), mode_(mode) {}

  void open(const replica_context& context) {
    node_ = context.node;
    replicas_ = context.replicas;
    index_ = context.index;
    retained_.open(context);
  }

  void begin(const batch& whole) {
    commit();
    final_until_ =
        mode_ == output_mode::complete ? watermark::min() : whole.nodes[node_.value].evict;
  }

  void clear() noexcept {
    if (applied_)
      for (auto& each : partitions_)
        for (auto& [key, before] : each.changes) {
          const auto now = each.kept.find(key);
          if (before.list.all().empty())
            each.kept.erase(now);
          else
            now->second = std::move(before.list);
        }
    forget_changes();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    const auto local = in.partition.value / replicas_;
    if (partitions_.size() <= local)
      partitions_.resize(local + 1);
    const auto records = block_cast<windowed<Key, Accumulator>>(*in.data).records();
    for (const auto& [window, key, partial] : records) {
      auto* change =
          partitions_[local].changes.find_or_make(key, [] { return changed_key(); }).first;
      const auto before = change->list.heap_bytes();
      take_in(change->list, window, partial, flow);
      bytes_ += change->list.heap_bytes() - before;
    }
    flow.count_in(records.size());
    return settled(flow);
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!mark.present)
      return progress::done;
    if (!applied_) {
      applied_ = true;
      for (auto& each : partitions_)
        apply(each, flow);
      if (auto fine = settled(flow); !fine)
        return fine;
    }
    for (; passing_ < partitions_.size(); ++passing_) {
      auto& kept = partitions_[passing_].kept;
      if (!entered_)
        next_ = kept.begin();
      entered_ = true;
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      for (; next_ != kept.end(); ++next_, session_ = 0)
        for (const auto& all = next_->second.all(); session_ < all.size(); ++session_) {
          const auto& [window, result] = all[session_];
          if (mode_ == output_mode::append && window.end > final_until_)
            break;
          if (flow.blocked())
            return progress::blocked;
          if constexpr (std::is_same_v<Key, unkeyed>)
            flow.push(value{window, result});
          else
            flow.push(value{window, next_->first, result});
          if (auto fine = flow.settle_noted(); !fine)
            return std::move(fine).error();
        }
      entered_ = false;
    }
    return progress::done;
  }

private:
  /// What the batch brought; once it has ended, what the key had before: nothing, if it was new.
  struct changed_key {
    session_list<Accumulator> list;
  };
  struct partition_state {
    key_table<Key, session_list<Accumulator>> kept;
    key_table<Key, changed_key> changes;
  };

  template <class Flow>
  void take_in(session_list<Accumulator>& to, const time_window& window, const Accumulator& more,
               Flow& flow) {
    try {
      to.take_in(
          window, [&]() -> const Accumulator& { return more; },
          [&](Accumulator& one) { merge_into(one, combine_.merge, more, flow.drops()); },
          combine_.merge);
    } catch (...) {
      flow.threw();
    }
  }

  template <class Flow>
  void apply(partition_state& to, Flow& flow) {
    for (auto& [key, change] : to.changes) {
      auto* kept = to.kept.find_or_make(key, [] { return session_list<Accumulator>(); }).first;
      auto merged = *kept;
      for (const auto& [window, more] : change.list.all())
        take_in(merged, window, more, flow);
      bytes_ += merged.heap_bytes();
      bytes_ -= change.list.heap_bytes();
      change.list = std::exchange(*kept, std::move(merged));
    }
  }

  /// The batch before is final: sessions that left are forgotten.
  void commit() {
    if (applied_ && mode_ == output_mode::append)
      for (auto& each : partitions_)
        each.kept.erase_if([&](auto& entry) {
          auto& all = entry.second.all();
          const auto open = std::find_if(
              all.begin(), all.end(), [&](const auto& s) { return s.window.end > final_until_; });
          all.erase(all.begin(), open);
          return all.empty();
        });
    forget_changes();
  }

  void forget_changes() noexcept {
    bytes_ = 0;
    for (auto& each : partitions_) {
      each.changes.clear();
      for (const auto& [key, list] : each.kept)
        bytes_ += list.heap_bytes();
    }
    applied_ = false;
    passing_ = 0;
    entered_ = false;
    session_ = 0;
    (void)account(); // it became less
  }

  template <class Flow>
  expected<progress> settled(Flow& flow) {
    if (auto fine = flow.settle_noted(); !fine)
      return std::move(fine).error();
    if (auto kept = account(); !kept)
      return std::move(kept).error();
    return progress::done;
  }

  expected<void> account() {
    std::size_t bytes = bytes_;
    for (const auto& each : partitions_)
      bytes += each.kept.bytes() + each.changes.bytes();
    return retained_.set(bytes);
  }

  Combiner combine_;
  output_mode mode_;
  node_id node_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  watermark final_until_ = watermark::min();
  std::vector<partition_state> partitions_; ///< By partition / replicas.
  bool applied_ = false;
  std::size_t passing_ = 0; ///< Where `end` resumes, with the next three.
  bool entered_ = false;
  typename key_table<Key, session_list<Accumulator>>::iterator next_{};
  std::size_t session_ = 0;
  retained_bytes retained_;
  std::size_t bytes_ = 0; ///< What the lists own.
};

} // namespace weir::detail
