// The blocks of a batch, kept by partition until the batch ends. Used by map_partitions and the
// actions on whole batches.
#pragma once

#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/partition_view.hpp>

#include <vector>

namespace weir::detail {

/// Keeps blocks of the partitions that a replica hosts, in the retained account.
template <class T>
class partition_blocks {
public:
  void open(const replica_context& context) {
    node_ = context.node;
    replicas_ = context.replicas;
    index_ = context.index;
    retained_.open(context);
  }

  expected<void> keep(const parcel& in) {
    const std::size_t local = in.partition.value / replicas_;
    if (kept_.size() <= local)
      kept_.resize(local + 1);
    bytes_ += in.data->charge();
    // Views keep the blocks they point into; of neighbours that share one it counts once.
    const auto* before = kept_[local].empty() ? nullptr : kept_[local].back()->source();
    for (const auto* held = in.data->source(); held && held != before; held = held->source())
      bytes_ += held->charge();
    kept_[local].push_back(in.data);
    return retained_.set(bytes_);
  }

  /// One view per hosted partition of the batch, empty ones included, in order.
  [[nodiscard]] std::vector<partition_view<T>> views(const batch& whole) const {
    return views(whole, whole.nodes[node_.value].input_partitions);
  }
  /// The same for one of several inputs, which has this many partitions.
  [[nodiscard]] std::vector<partition_view<T>> views(const batch& whole,
                                                     std::uint32_t partitions) const {
    std::vector<partition_view<T>> all;
    for (std::uint32_t p = index_; p < partitions; p += replicas_) {
      const std::size_t local = p / replicas_;
      all.emplace_back(partition_id(p), whole,
                       local < kept_.size() ? kept_[local] : std::vector<block_ptr>());
    }
    return all;
  }

  /// Whether the bytes are in one of the blocks.
  [[nodiscard]] bool holds(std::string_view bytes) const noexcept {
    for (const auto& blocks : kept_)
      for (const auto& each : blocks)
        if (each->holds(bytes))
          return true;
    return false;
  }

  void clear() noexcept {
    for (auto& blocks : kept_)
      blocks.clear();
    bytes_ = 0;
    retained_.release();
  }

private:
  node_id node_;
  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  std::vector<std::vector<block_ptr>> kept_; ///< By partition / replicas.
  std::size_t bytes_ = 0;
  retained_bytes retained_;
};

} // namespace weir::detail
