// Aggregation per window of event time and key: combined before the shuffle, kept behind it until
// the watermark has passed. What is kept: detail/window_aggregation.hpp and, for sessions,
// detail/session_aggregation.hpp.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/detail/target_blocks.hpp>
#include <weir/operators/event_time/detail/session_aggregation.hpp>
#include <weir/operators/event_time/detail/window_aggregation.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// Where windows of this kind are kept: `tables` in a batch, `state` from batch to batch.
template <class Windows>
struct kept_for {
  template <class Key, class Value>
  using tables = window_tables<Key, Value>;
  template <class Key, class Accumulator>
  using state = window_state<Key, Accumulator>;
};
template <>
struct kept_for<sessions> {
  template <class Key, class Value>
  using tables = session_tables<Key, Value>;
  template <class Key, class Accumulator>
  using state = session_state<Key, Accumulator>;
};

/// The tail before the shuffle: one accumulator per window, key and replica. Leaves out what is
/// late in every window it belongs to; a record in a session is late when its own end is, with what
/// it might touch it is not compared. When its share of the memory budget is used up it sends what
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
  void undo() noexcept {
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
      const time_window window{start, windows_.end_of(start)};
      if (window.end <= late_until_)
        return;
      taken = true;
      try {
        const auto& value = Parts::value_of(keyed);
        tables_.take_in(
            window, Parts::key_of(keyed),
            [&]() -> Accumulator { return std::invoke(combine_.create, value); },
            [&](Accumulator& to) { merge_into(to, combine_.merge_value, value, end.drops()); },
            combine_.merge);
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
  using tables = typename kept_for<Windows>::template tables<key, Accumulator>;

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
        tables_,
        [&](const time_window& window, const key& k, Accumulator& value) -> expected<progress> {
          if (resumable && out.blocked())
            return progress::blocked;
          ++records_;
          targets_.push(partition_of(k, targets_.partitions()),
                        out_record{window, k, std::move(value)}, out);
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
  tables tables_;
  typename tables::walk walk_;
  target_blocks<out_record> targets_;
  retained_bytes retained_;
  std::uint64_t records_ = 0;
  std::uint64_t late_ = 0;
};

/// The head behind it. What a batch brings is collected apart and merged into the state when the
/// batch ends; from then on the collection holds what was replaced, so that the batch can be undone
/// until it is final.
///
/// What is kept of a partition can `collect` a record; `apply` what was collected, which `undo`
/// takes back; `pass_on` the results that leave, resumably; `close`, once the batch is final, what
/// was over at its watermark; and after `undo` or `close`, `forget_changes`.
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
    final_until_ =
        mode_ == output_mode::complete ? watermark::min() : whole.nodes[node_.value].evict;
  }

  /// What the batch gave up is forgotten.
  void committed() {
    if (applied_)
      for (auto& each : partitions_)
        each.close(final_until_);
    forget_changes();
  }

  void undo() noexcept {
    if (applied_)
      for (auto& each : partitions_)
        each.undo();
    forget_changes();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    const auto local = in.partition.value / replicas_;
    while (partitions_.size() <= local)
      partitions_.emplace_back(mode_);
    const auto records = block_cast<windowed<Key, Accumulator>>(*in.data).records();
    for (const auto& record : records) {
      try {
        partitions_[local].collect(record, combine_.merge, flow.drops());
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
      applied_ = true;
      for (auto& each : partitions_)
        each.apply(combine_.merge, flow);
      if (auto fine = settled(flow); !fine)
        return fine;
    }
    const auto push = [&](const time_window& window, const Key& key,
                          const Accumulator& result) -> expected<progress> {
      if (flow.blocked())
        return progress::blocked;
      flow.push(windows_.make_result(window, key, result));
      if (auto fine = flow.settle_noted(); !fine)
        return std::move(fine).error();
      return progress::done;
    };
    for (; passing_ < partitions_.size(); ++passing_) {
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      auto passed = partitions_[passing_].pass_on(final_until_, push);
      if (!passed || *passed == progress::blocked)
        return passed;
    }
    return progress::done;
  }

private:
  void forget_changes() noexcept {
    for (auto& each : partitions_)
      each.forget_changes();
    applied_ = false;
    passing_ = 0;
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
    std::size_t bytes = 0;
    for (const auto& each : partitions_)
      bytes += each.bytes();
    return retained_.set(bytes);
  }

  using state = typename kept_for<Windows>::template state<Key, Accumulator>;

  Combiner combine_;
  Windows windows_;
  output_mode mode_;
  node_id node_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  watermark final_until_ = watermark::min();
  std::vector<state> partitions_; ///< By partition / replicas.
  bool applied_ = false;          ///< The batch has ended: the state has its changes.
  std::size_t passing_ = 0;       ///< Where `end` resumes.
  retained_bytes retained_;
};

} // namespace weir::detail
