// One open block per logical partition of a shuffle. Used by the tails that shuffle.
#pragma once

#include <weir/runtime/stage.hpp>

#include <vector>

namespace weir::detail {

/// Sends a block when it is full, and what is left when the batch ends. Viewed bytes are copied
/// into the target block.
template <class T>
class target_blocks {
public:
  void open(const replica_context& context) {
    builders_.clear();
    for (std::uint32_t p = 0; p < context.output_partitions; ++p)
      builders_.emplace_back(context.limits);
  }
  void clear() noexcept {
    for (auto& builder : builders_)
      builder.clear();
  }

  [[nodiscard]] std::uint32_t partitions() const noexcept {
    return static_cast<std::uint32_t>(builders_.size());
  }

  template <class Record>
  void push(partition_id target, Record&& record, emitter& out) {
    auto& builder = builders_[target.value];
    if constexpr (self_contained<T>)
      builder.push(std::forward<Record>(record));
    else
      builder.push(record_traits<T>::relocate(record, builder.bytes()));
    if (builder.full())
      out.emit(target, builder.build());
  }

  /// Sends what is left: at most one block per partition, so there is no need to resume.
  void flush(emitter& out) {
    for (std::uint32_t p = 0; p < builders_.size(); ++p)
      if (!builders_[p].empty())
        out.emit(partition_id(p), builders_[p].build());
  }

private:
  std::vector<block_builder<T>> builders_; ///< By partition.
};

} // namespace weir::detail
