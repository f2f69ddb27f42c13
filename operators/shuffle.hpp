// Where records cross replicas: by key, or in turn. Next: the actors' outboxes, then a keyed head
// such as keyed/grouping.hpp.
#pragma once

#include <weir/operators/detail/target_blocks.hpp>
#include <weir/runtime/key_group.hpp>

namespace weir::detail {

/// The tail before a grouping: each (key, value) record goes to the partition of its key. Order is
/// kept per (source partition, key).
template <class T>
class shuffle_tail {
public:
  static constexpr bool emits_records = true;
  static constexpr bool keeps_origin = false;

  void open(const replica_context& context) { targets_.open(context); }
  void begin() { records_ = 0; }
  void clear() noexcept { targets_.clear(); }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    ++records_;
    const auto target = partition_of(record.first, targets_.partitions());
    targets_.push(target, std::forward<Record>(record), *end.out);
  }

  expected<void> leave(emitter&) { return {}; }
  expected<progress> end(emitter& out) {
    targets_.flush(out);
    return progress::done;
  }
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  target_blocks<T> targets_;
  std::uint64_t records_ = 0;
};

/// The tail of `repartition`: records go to the partitions in turn. Gives up order.
template <class T>
class round_robin_tail {
public:
  static constexpr bool emits_records = true;
  static constexpr bool keeps_origin = false;

  void open(const replica_context& context) {
    targets_.open(context);
    next_ = context.index; // replicas start apart, so that few records spread too
  }
  void begin() { records_ = 0; }
  void clear() noexcept { targets_.clear(); }
  void enter(partition_id, const block_ptr&) {}
  void origin(std::int64_t) {}

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    ++records_;
    targets_.push(partition_id(next_++ % targets_.partitions()), std::forward<Record>(record),
                  *end.out);
  }

  expected<void> leave(emitter&) { return {}; }
  expected<progress> end(emitter& out) {
    targets_.flush(out);
    return progress::done;
  }
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  target_blocks<T> targets_;
  std::uint32_t next_ = 0;
  std::uint64_t records_ = 0;
};

} // namespace weir::detail
