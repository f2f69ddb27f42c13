// The tail of a chain whose records keep their partition: makes blocks for the next node.
#pragma once

#include <weir/runtime/stage.hpp>

#include <vector>

namespace weir::detail {

/// Collects records by partition. Self-contained records may share a block with those of other
/// input blocks. Views that point into the input block (`ViewsOfInput`: every value on the way was
/// a view) stay views, and their block keeps that one alive; other views point at what a step or
/// the head made, so their bytes are copied.
template <class T, bool ViewsOfInput>
class forward_tail {
public:
  static constexpr bool emits_records = true;
  static constexpr bool keeps_origin = !has_origin<T>;

  void open(const replica_context& context) {
    limits_ = context.limits;
    replicas_ = context.replicas;
    index_ = context.index;
  }
  void begin() { records_ = 0; }
  void undo() noexcept { builders_.clear(); }

  /// @param data the input block, or null when the records come from the head's own memory.
  void enter(partition_id partition, const block_ptr& data) {
    partition_ = partition;
    data_ = data;
    origin_ = no_origin;
    current_ = partition.value / replicas_;
    if (builders_.size() <= current_) [[unlikely]]
      grow();
  }

  void origin(std::int64_t offset) { origin_ = offset; }

  template <class Record, class End>
  void on_record(Record&& record, End&& end) {
    auto& builder = builders_[current_];
    if constexpr (self_contained<T>) {
      builder.push(std::forward<Record>(record), origin_);
    } else {
      if (ViewsOfInput && data_)
        builder.push(std::forward<Record>(record), origin_);
      else
        builder.push(record_traits<T>::relocate(record, builder.bytes()), origin_);
    }
    ++records_;
    if (builder.full())
      emit(*end.out);
  }

  expected<void> leave(emitter& out) {
    if constexpr (!self_contained<T>)
      if (ViewsOfInput && !builders_[current_].empty())
        emit(out);
    data_.reset();
    return {};
  }

  /// At most one block per partition is left, which the outbox may queue: there is no need to
  /// resume.
  void flush(emitter& out) {
    for (std::size_t local = 0; local < builders_.size(); ++local)
      if (!builders_[local].empty())
        out.emit(partition_id(static_cast<std::uint32_t>(local) * replicas_ + index_),
                 builders_[local].build());
  }

  expected<progress> end(emitter& out) {
    flush(out);
    return progress::done;
  }

  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
  /// The first record of a partition.
  [[gnu::noinline]] void grow() {
    while (builders_.size() <= current_)
      builders_.emplace_back(limits_);
  }

  void emit(emitter& out) {
    auto& builder = builders_[current_];
    if constexpr (!self_contained<T>)
      if (ViewsOfInput)
        builder.keep_alive(data_);
    out.emit(partition_, builder.build());
  }

  block_limits limits_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  std::vector<block_builder<T>> builders_; ///< By partition / replicas.
  std::size_t current_ = 0;
  partition_id partition_;
  block_ptr data_;
  std::int64_t origin_ = no_origin;
  std::uint64_t records_ = 0;
};

} // namespace weir::detail
