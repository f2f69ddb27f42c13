// The head of map_partitions: calls the user's function once per batch and logical partition.
#pragma once

#include <weir/operators/detail/partition_blocks.hpp>
#include <weir/operators/step/step.hpp>

#include <optional>
#include <ranges>

namespace weir::detail {

/// Keeps the blocks of each partition until the batch ends, then passes on the elements of
/// `change(partition_view)`; for empty partitions too.
template <class T, class Function>
class partition_head {
public:
  using range = std::remove_cvref_t<std::invoke_result_t<Function&, const partition_view<T>&>>;
  using value = std::ranges::range_value_t<range>;

  explicit partition_head(Function change) : change_(std::move(change)) {}

  void open(const replica_context& context) { blocks_.open(context); }
  void begin(const batch& whole) {
    step::begin_function(change_, whole);
    whole_ = &whole;
    views_.clear();
    result_.clear();
    next_view_ = 0;
    next_record_ = 0;
    failures_ = 0;
    changed_ = false;
  }
  void undo() noexcept {
    blocks_.clear();
    views_.clear();
    result_.clear();
  }

  template <class Flow>
  expected<progress> process(std::uint32_t, const parcel& in, block_cursor&, Flow& flow) {
    if (auto kept = blocks_.keep(in); !kept)
      return std::move(kept).error();
    flow.count_in(in.data->size());
    return progress::done;
  }

  template <class Flow>
  expected<progress> end(const barrier& mark, Flow& flow) {
    if (mark.present && views_.empty())
      views_ = blocks_.views(*whole_);
    for (; next_view_ < views_.size(); ++next_view_) {
      const auto& view = views_[next_view_];
      if (!changed_ && !change(view, flow))
        return progress::blocked;
      changed_ = true;
      failures_ = 0;
      flow.enter(view.id());
      while (next_record_ < result_.size()) {
        if (flow.blocked())
          return progress::blocked;
        flow.push(std::move(result_[next_record_++]));
        if (flow.noted()) [[unlikely]]
          if (auto settled = flow.settle(view.id(), no_origin); !settled)
            return std::move(settled).error();
      }
      if (flow.noted()) [[unlikely]]
        if (auto settled = flow.settle(view.id(), no_origin); !settled)
          return std::move(settled).error();
      next_record_ = 0;
      changed_ = false;
    }
    undo();
    return progress::done;
  }

private:
  /// @returns false when the function is to be called again.
  template <class Flow>
  bool change(const partition_view<T>& view, Flow& flow) {
    result_.clear();
    try {
      for (auto&& element : std::invoke(change_, view))
        result_.push_back(std::forward<decltype(element)>(element));
      if constexpr (!self_contained<value>)
        if (auto* watch = flow.watch()) [[unlikely]] {
          watch->made(0, result_, [&](std::string_view bytes) { return blocks_.holds(bytes); });
          if (watch->found()) // nobody is to read what is gone
            result_.clear();
        }
      return true;
    } catch (...) {
      result_.clear();
      return !flow.threw(failures_++);
    }
  }

  Function change_;
  partition_blocks<T> blocks_;
  const batch* whole_ = nullptr;
  std::vector<partition_view<T>> views_;
  std::vector<value> result_; ///< Of the partition that is being passed on.
  std::size_t next_view_ = 0;
  std::size_t next_record_ = 0;
  std::uint32_t failures_ = 0; ///< Of the function, for the next view.
  bool changed_ = false;       ///< It has been called for the next view.
};

} // namespace weir::detail
