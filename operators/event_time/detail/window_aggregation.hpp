// Aggregation per window of event time and key: combined before the shuffle, kept behind it until
// the watermark has passed.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/detail/target_blocks.hpp>
#include <weir/operators/event_time/detail/window_tables.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/runtime/output_mode.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// The tail before the shuffle: one accumulator per window, key and replica. Leaves out what is
/// late in every window it belongs to. When its share of the memory budget is used up it sends what
/// it has and starts anew, which is exact because `merge` is associative.
template <class Parts, class Accumulator, class Combiner, class Windows>
class event_window_tail {
public:
  static constexpr bool emits_records = false;
  static constexpr bool keeps_origin = false;
  using key = typename Parts::key;
  using out_record = windowed<key, Accumulator>;

  event_window_tail(Combiner combine, Windows windows, output_mode mode)
      : combine_(std::move(combine)), windows_(std::move(windows)),
        drops_late_(mode != output_mode::complete) {}

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
    tables_.clear();
    targets_.clear();
    retained_.release();
    walk_.begin();
  }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    const auto& keyed = value_of(std::as_const(record));
    bool taken = false;
    windows_.each(time_of(record), [&](event_time start) {
      if (windows_.end_of(start) <= late_until_)
        return;
      taken = true;
      try {
        const auto& value = Parts::value_of(keyed);
        const auto [found, added] =
            tables_.of(start).find_or_make(Parts::key_of(keyed), [&]() -> Accumulator {
              return std::invoke(combine_.create, value);
            });
        if (!added)
          merge_into(*found, combine_.merge_value, value, end.drops());
      } catch (...) {
        end.threw();
      }
    });
    late_ += !taken;
  }

  expected<void> leave(emitter& out) {
    if (!retained_.set(tables_.bytes())) {
      (void)send(out, false);
      tables_.release(); // clearing keeps its capacity, and that alone is too much
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
  template <class Record>
  [[nodiscard]] static event_time time_of(const Record& record) noexcept {
    if constexpr (is_timed<Record>)
      return record.time;
    else
      return {}; // all of time is one window
  }

  /// Moves the entries to the blocks of their partitions.
  progress send(emitter& out, bool resumable) {
    const auto sent = walk_.go(
        tables_, tables_.windows().size(),
        [&](event_time start, const key& k, Accumulator& value) -> expected<progress> {
          if (resumable && out.blocked())
            return progress::blocked;
          ++records_;
          targets_.push(partition_of(k, targets_.partitions()),
                        out_record{{start, windows_.end_of(start)}, k, std::move(value)}, out);
          return progress::done;
        });
    if (*sent == progress::blocked)
      return progress::blocked;
    tables_.clear();
    retained_.release();
    return progress::done;
  }

  Combiner combine_;
  Windows windows_;
  bool drops_late_;
  node_id node_;
  watermark late_until_ = watermark::min();
  window_tables<key, Accumulator> tables_;
  window_walk<key, Accumulator> walk_;
  target_blocks<out_record> targets_;
  retained_bytes retained_;
  std::uint64_t records_ = 0;
  std::uint64_t late_ = 0;
};

/// The head behind it. What a batch brings is collected apart and merged into the state when the
/// batch ends; from then on the collection holds what was replaced, so that the batch can be undone
/// until the next begins.
template <class Key, class Accumulator, class Combiner, class Windows>
class event_window_head {
public:
  using value = typename Windows::template result<Key, Accumulator>;

  event_window_head(Combiner combine, Windows windows, output_mode mode)
      : combine_(std::move(combine)), windows_(std::move(windows)), mode_(mode) {}

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
        undo(each);
    forget_changes();
    (void)account();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    const auto local = in.partition.value / replicas_;
    if (partitions_.size() <= local)
      partitions_.resize(local + 1);
    auto& changes = partitions_[local].changes;
    const auto records = block_cast<windowed<Key, Accumulator>>(*in.data).records();
    for (const auto& [window, key, partial] : records) {
      try {
        const auto [found, added] = changes.of(window.start).find_or_make(key, [&]() -> change {
          return {.value = partial, .kind = change_kind::collected};
        });
        if (!added)
          merge_into(found->value, combine_.merge, partial, flow.drops());
        change_bytes_ += heap_bytes(partial);
      } catch (...) {
        flow.threw();
      }
    }
    flow.count_in(records.size());
    return settled(flow);
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!mark.present)
      return progress::done;
    if (!applied_) {
      bytes_before_ = state_bytes_;
      applied_ = true;
      for (auto& each : partitions_)
        apply(each, flow);
      if (auto fine = settled(flow); !fine)
        return fine;
    }
    for (; passing_ < partitions_.size(); ++passing_) {
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      auto passed = pass_on(partitions_[passing_], flow);
      if (!passed || *passed == progress::blocked)
        return passed;
    }
    return progress::done;
  }

private:
  enum class change_kind : std::uint8_t {
    collected, ///< Not in the state yet, or left out because merging it threw.
    added,     ///< Its key and window are new in the state.
    replaced,  ///< `value` is what the state had before.
  };
  struct change {
    Accumulator value;
    change_kind kind;
  };
  struct partition_state {
    window_tables<Key, Accumulator> kept;
    window_tables<Key, change> changes; ///< Of this batch.
  };

  [[nodiscard]] static std::size_t heap_bytes(const Accumulator& a) {
    if constexpr (std::is_trivially_copyable_v<Accumulator>)
      return 0;
    else
      return record_traits<Accumulator>::heap_bytes(a);
  }

  template <class Flow>
  void apply(partition_state& to, Flow& flow) {
    for (auto& [start, changes] : to.changes.windows())
      for (auto& [key, collected] : changes) {
        const auto [kept, added] =
            to.kept.of(start).find_or_make(key, [&] { return std::move(collected.value); });
        if (added) {
          collected.kind = change_kind::added;
          state_bytes_ += heap_bytes(*kept);
          continue;
        }
        try {
          auto merged = std::invoke(combine_.merge, Accumulator(*kept), collected.value);
          state_bytes_ += heap_bytes(merged) - heap_bytes(*kept);
          collected.value = std::exchange(*kept, std::move(merged));
          collected.kind = change_kind::replaced;
        } catch (...) {
          flow.threw();
        }
      }
  }

  void undo(partition_state& in) noexcept {
    for (auto& [start, changes] : in.changes.windows())
      for (auto& [key, before] : changes) {
        if (before.kind == change_kind::added)
          in.kept.of(start).erase(in.kept.of(start).find(key));
        else if (before.kind == change_kind::replaced)
          *in.kept.find(start, key) = std::move(before.value);
      }
    state_bytes_ = bytes_before_;
  }

  /// The batch before is final: what it gave up is forgotten.
  void commit() {
    if (applied_)
      for (auto& each : partitions_) {
        const auto gone = finished(each);
        if constexpr (!std::is_trivially_copyable_v<Accumulator>)
          for (std::size_t i = 0; i < gone; ++i)
            for (const auto& [key, gone_value] : each.kept.windows()[i].keys)
              state_bytes_ -= heap_bytes(gone_value);
        each.kept.close(gone);
      }
    forget_changes();
    (void)account(); // it became less
  }

  void forget_changes() noexcept {
    for (auto& each : partitions_) {
      each.changes.clear();
    }
    change_bytes_ = 0;
    applied_ = false;
    passing_ = 0;
    over_kept_.begin();
    over_changes_.begin();
  }

  /// How many windows are final, the first ones.
  [[nodiscard]] std::size_t finished(partition_state& in) {
    const auto& windows = in.kept.windows();
    std::size_t count = 0;
    while (count < windows.size() && windows_.end_of(windows[count].start) <= final_until_)
      ++count;
    return count;
  }

  template <class Flow>
  expected<progress> pass_on(partition_state& from, Flow& flow) {
    const auto push = [&](event_time start, const Key& key,
                          const Accumulator& result) -> expected<progress> {
      if (flow.blocked())
        return progress::blocked;
      flow.push(windows_.make_result(start, key, result));
      if (auto fine = flow.settle_noted(); !fine)
        return std::move(fine).error();
      return progress::done;
    };
    if (mode_ == output_mode::update)
      return over_changes_.go(from.changes, from.changes.windows().size(),
                              [&](event_time start, const Key& key, const change&) {
                                return push(start, key, *from.kept.find(start, key));
                              });
    const auto until = mode_ == output_mode::append ? finished(from) : from.kept.windows().size();
    return over_kept_.go(from.kept, until, push);
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
    std::size_t bytes = change_bytes_ + state_bytes_;
    for (const auto& each : partitions_)
      bytes += each.kept.bytes() + each.changes.bytes();
    return retained_.set(bytes);
  }

  Combiner combine_;
  Windows windows_;
  output_mode mode_;
  node_id node_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  watermark final_until_ = watermark::min();
  std::vector<partition_state> partitions_; ///< By partition / replicas.
  bool applied_ = false;                    ///< The batch has ended: the state has its changes.
  std::size_t passing_ = 0;                 ///< Where `end` resumes.
  window_walk<Key, Accumulator> over_kept_;
  window_walk<Key, change> over_changes_;
  retained_bytes retained_;
  std::size_t change_bytes_ = 0; ///< What the accumulators own beyond the tables' slots.
  std::size_t state_bytes_ = 0;
  std::size_t bytes_before_ = 0;
};

} // namespace weir::detail
