// The head of a window that is computed anew at each slide. Beside it: window/inverse_head.hpp.
#pragma once

#include <weir/operators/window/window_blocks.hpp>

namespace weir::detail {

/// Feeds the head it wraps, at each slide, with the blocks of all batches of the window, as if they
/// were one batch: a block head gives their records, a combining head one value per key, and so on.
template <class Head>
class window_head : public window_blocks {
public:
  using value = typename Head::value;

  window_head(window_shape shape, Head inner) : window_blocks(shape), inner_(std::move(inner)) {}

  void open(const replica_context& context) {
    window_blocks::open(context);
    inner_.open(context);
  }
  void begin(const batch& whole) {
    window_blocks::begin(whole);
    inner_.begin(whole);
    range_ = shape().of(whole);
    next_batch_ = next_block_ = 0;
    cursor_ = {};
  }
  void committed() noexcept { forget(shape().expired(index())); }
  void undo() noexcept {
    abort();
    inner_.undo();
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (!mark.present)
      return progress::done;
    uncounted<Flow> again{flow};
    for (; next_batch_ < batches().size(); ++next_batch_) {
      const auto& from = batches()[next_batch_];
      if (from.index <= range_.after || from.index > range_.until)
        continue;
      for (; next_block_ < from.blocks.size(); ++next_block_) {
        auto fed = inner_.process(0, from.blocks[next_block_], cursor_, again);
        if (!fed || *fed == progress::blocked)
          return fed;
        cursor_ = {};
        if (flow.blocked()) { // between blocks too: not every head asks
          ++next_block_;
          return progress::blocked;
        }
      }
      next_block_ = 0;
    }
    return inner_.end(mark, flow);
  }

private:
  /// Records count when they come in, not again in every window that they are a part of.
  template <class Flow>
  struct uncounted : Flow {

    void count_in(std::uint64_t) {}
  };

  Head inner_;
  window_range range_{};
  std::size_t next_batch_ = 0; ///< Where `end` resumes.
  std::size_t next_block_ = 0;
  block_cursor cursor_;
};

} // namespace weir::detail
