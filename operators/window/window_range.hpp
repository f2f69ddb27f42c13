// Which batches a window in batch time covers. Next: window/window_blocks.hpp, which keeps them.
#pragma once

#include <weir/runtime/batch.hpp>

#include <algorithm>
#include <cstdint>

namespace weir::detail {

/// The batches with an index in (after, until].
struct window_range {
  std::int64_t after = 0;
  std::int64_t until = 0;
};

/// How long a window is and how often it is taken, both in batch intervals and >= 1.
///
/// A window ends at each multiple of the slide. Its result comes with the first batch whose index
/// has reached that: the batch of that index, unless ticks were merged. What follows is a function
/// of two indexes alone, so every replica comes to the same answer and nothing of it has to be
/// undone.
struct window_shape {
  std::int64_t length = 1;
  std::int64_t slide = 1;

  /// What the window covers that a batch gives, if it gives one (`node_batch::present`). When whole
  /// slides have passed without a batch, it reaches back to the end of the last one: where windows
  /// touch, no batch is left out. Both ends only ever rise.
  [[nodiscard]] window_range of(const batch& whole) const {
    const auto until = end_before(whole.index);
    const auto after = until - length;
    return {touching() ? std::min(after, end_before(whole.before)) : after, until};
  }

  /// Batches up to this index are in no window of a batch that follows one with index `done`.
  [[nodiscard]] std::int64_t expired(std::int64_t done) const {
    const auto after = end_before(done) + slide - length;
    return touching() ? std::min(after, end_before(done)) : after;
  }

  /// Whether a batch will be in any window: not in the gaps that a slide beyond the length leaves.
  [[nodiscard]] bool covers(std::int64_t index) const {
    return touching() || index > end_before(index + slide - 1) - length;
  }

private:
  [[nodiscard]] bool touching() const { return slide <= length; }
  [[nodiscard]] std::int64_t end_before(std::int64_t index) const { return index / slide * slide; }
};

} // namespace weir::detail
