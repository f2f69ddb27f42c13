// The blocks of the last batches: what a window remembers. Next: window/window_head.hpp.
#pragma once

#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/window/window_range.hpp>

#include <deque>
#include <vector>

namespace weir::detail {

/// The blocks that one replica received in one batch, in order of arrival.
struct window_batch {
  std::int64_t index = 0;
  std::vector<parcel> blocks;
  std::size_t bytes = 0;
};

/// Keeps blocks, batch by batch, for as long as a window may need them, in the retained account.
/// Blocks are immutable and shared, so keeping them copies nothing; to undo the last batch is to
/// drop its own, because older ones go only when it can be undone no more. The base of heads, which
/// look at the blocks when a batch ends.
class window_blocks {
public:
  /// Keeps a block; errc::out_of_budget when the share is used up.
  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    flow.count_in(in.data->size());
    if (auto kept = keep(in); !kept)
      return std::move(kept).error();
    return progress::done;
  }

protected:
  explicit window_blocks(window_shape shape) : shape_(shape) {}

  void open(const replica_context& context) { retained_.open(context); }

  void begin(const batch& whole) { index_ = whole.index; }

  /// The batch that began last is final. @param expired index up to which batches are needed no
  /// more.
  void forget(std::int64_t expired) noexcept {
    while (!batches_.empty() && batches_.front().index <= expired) {
      bytes_ -= batches_.front().bytes;
      batches_.pop_front();
    }
    (void)retained_.set(bytes_); // never more than before
  }

  /// Forgets the batch that began last.
  void abort() noexcept {
    if (!batches_.empty() && batches_.back().index == index_) {
      bytes_ -= batches_.back().bytes;
      batches_.pop_back();
    }
    (void)retained_.set(bytes_);
  }

  /// Index of the batch that began last.
  [[nodiscard]] std::int64_t index() const noexcept { return index_; }
  [[nodiscard]] const window_shape& shape() const noexcept { return shape_; }

  /// Batches that had records, oldest first.
  [[nodiscard]] const std::deque<window_batch>& batches() const noexcept { return batches_; }

private:
  expected<void> keep(const parcel& in) {
    if (!shape_.covers(index_))
      return {};
    if (batches_.empty() || batches_.back().index != index_)
      batches_.push_back({.index = index_, .blocks = {}, .bytes = 0});
    auto& now = batches_.back();
    std::size_t bytes = in.data->charge() + overhead;
    // Views keep the blocks they point into; of neighbours that share one it counts once.
    const auto* before = now.blocks.empty() ? nullptr : now.blocks.back().data->source();
    for (const auto* held = in.data->source(); held && held != before; held = held->source())
      bytes += held->charge();
    now.blocks.push_back(in);
    now.bytes += bytes;
    bytes_ += bytes;
    return retained_.set(bytes_);
  }

  static constexpr std::size_t overhead =
      sizeof(parcel) + 256; ///< What a block weighs beside its charge.

  window_shape shape_;
  std::deque<window_batch> batches_;
  std::size_t bytes_ = 0;
  std::int64_t index_ = 0;
  retained_bytes retained_;
};

} // namespace weir::detail
