// Where records cross replicas: by key, or in turn. Next: the actors' outboxes, then a keyed head
// such as keyed/grouping.hpp.
#pragma once

#include <weir/operators/detail/target_blocks.hpp>
#include <weir/runtime/key_group.hpp>
#include <weir/runtime/timed.hpp>

namespace weir::detail {

/// Each (key, value) record to the partition of its key. Keeps order per (source partition, key).
struct by_key {
  void open(const replica_context&) {}
  template <class Record>
  partition_id operator()(const Record& record, std::uint32_t partitions) const {
    return partition_of(value_of(record).first, partitions);
  }
};

/// Records to the partitions in turn. Gives up order.
struct in_turn {
  std::uint32_t next = 0;

  void open(const replica_context& context) {
    next = context.index; // replicas start apart, so that few records spread too
  }
  template <class Record>
  partition_id operator()(const Record&, std::uint32_t partitions) {
    return partition_id(next++ % partitions);
  }
};

/// The tail before an exchange: `Route` says where each record goes.
template <class T, class Route>
class routing_tail {
public:
  static constexpr bool emits_records = true;
  static constexpr bool keeps_origin = false;

  void open(const replica_context& context) {
    targets_.open(context);
    route_.open(context);
  }
  void begin() { records_ = 0; }
  void undo() noexcept { targets_.clear(); }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    ++records_;
    const auto target = route_(record, targets_.partitions());
    targets_.push(target, std::forward<Record>(record), *end.out);
  }

  expected<void> leave(emitter&) { return {}; }
  void flush(emitter& out) { targets_.flush(out); }
  expected<progress> end(emitter& out) {
    flush(out);
    return progress::done;
  }
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  target_blocks<T> targets_;
  Route route_;
  std::uint64_t records_ = 0;
};

template <class T>
using shuffle_tail = routing_tail<T, by_key>;
template <class T>
using round_robin_tail = routing_tail<T, in_turn>;

} // namespace weir::detail
