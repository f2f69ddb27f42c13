// The first record of each key, as long as the key is remembered: deduplicate and its kin.
#pragma once

#include <weir/operators/detail/due_index.hpp>
#include <weir/operators/detail/key_table.hpp>
#include <weir/runtime/stage.hpp>
#include <weir/runtime/timed.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace weir::detail {

/// The head behind a shuffle of (key, record) pairs, timed or not: passes on the records whose key
/// is not remembered. The key of a timed record, together with its event time if `PerTime`, is
/// forgotten when the watermark reaches the time of the first record plus `remember`; any other is
/// kept for ever.
template <class In, bool PerTime>
class deduplication_head {
public:
  using pair = untimed_t<In>;
  using viewed = std::conditional_t<PerTime, std::pair<event_time, typename pair::first_type>,
                                    typename pair::first_type>;
  using key = owned_t<viewed>;
  using value = as_timed_as<In, typename pair::second_type>;

  explicit deduplication_head(std::chrono::milliseconds remember) : remember_(remember) {}

  void open(const replica_context& context) {
    node_ = context.node;
    replicas_ = context.replicas;
    retained_.open(context);
  }

  void begin(const batch& whole) {
    late_until_ = whole.nodes[node_.value].late;
    final_until_ = watermark::min();
    evict_ = whole.nodes[node_.value].evict;
    late_ = 0;
  }

  /// What the batch added is known for good, and what was due at its watermark is forgotten.
  void committed() {
    for (auto& [known, added, due] : partitions_) {
      for (auto& k : added)
        if (const auto expiry = known.find(k)->second; expiry != event_time::max())
          due.push(ticks(expiry), std::move(k));
      added.clear();
      while (!due.empty() && due.next_time() <= ticks(final_until_))
        known.erase(known.find(due.pop().key));
    }
    (void)account(); // it became less
  }

  /// What the batch added is not known any more.
  void undo() noexcept {
    for (auto& each : partitions_) {
      for (const auto& k : each.added)
        each.known.erase(each.known.find(k));
      each.added.clear();
    }
    final_until_ = watermark::min();
    (void)account();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor& cursor, Flow& flow) {
    const auto local = in.partition.value / replicas_;
    if (partitions_.size() <= local)
      partitions_.resize(local + 1);
    auto& [known, added, due] = partitions_[local];
    const auto records = block_cast<In>(*in.data).records();
    flow.enter(in.partition, in.data);
    std::size_t i = cursor.next_record;
    for (bool blocked = false; i < records.size() && !blocked; ++i) {
      auto expiry = event_time::max();
      if constexpr (is_timed<In>) {
        if (records[i].time <= late_until_) {
          ++late_;
          continue;
        }
        expiry = records[i].time + remember_;
      }
      const auto& k = key_of(records[i]);
      if (!known.find_or_make(k, [&] { return expiry; }).second)
        continue;
      added.push_back(record_traits<viewed>::to_owned(k));
      flow.push(with_time_of(records[i], value_of(records[i]).second));
      if (auto settled = flow.settle_noted(); !settled)
        return std::move(settled).error();
      blocked = flow.blocked();
    }
    flow.count_in(i - cursor.next_record);
    cursor.next_record = i;
    if (auto kept = account(); !kept)
      return std::move(kept).error();
    if (i < records.size())
      return progress::blocked;
    if (auto left = flow.leave(); !left)
      return std::move(left).error();
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow&) {
    if (mark.present)
      final_until_ = evict_;
    return progress::done;
  }

  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

private:
  struct partition_state {
    key_table<key, event_time> known; ///< With the time at which each is forgotten.
    std::vector<key> added;           ///< In this batch.
    due_index<key> due;               ///< Those of earlier batches that will be forgotten.
  };

  static std::int64_t ticks(event_time at) noexcept { return at.time_since_epoch().count(); }

  [[nodiscard]] static decltype(auto) key_of(const In& record) {
    if constexpr (PerTime)
      return viewed(record.time, record.value.first);
    else
      return (value_of(record).first);
  }

  expected<void> account() {
    std::size_t bytes = 0;
    for (const auto& each : partitions_)
      bytes += each.known.bytes() + each.added.capacity() * sizeof(key) + each.due.bytes();
    return retained_.set(bytes);
  }

  std::chrono::milliseconds remember_;
  node_id node_;
  std::uint32_t replicas_ = 1;
  watermark late_until_ = watermark::min();
  watermark evict_ = watermark::min();
  watermark final_until_ = watermark::min(); ///< What the batch forgets once it is final.
  std::vector<partition_state> partitions_;  ///< By partition / replicas.
  retained_bytes retained_;
  std::uint64_t late_ = 0;
};

} // namespace weir::detail
