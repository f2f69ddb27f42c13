// What windows that all records share keep of one partition, from batch to batch.
#pragma once

#include <weir/operators/detail/merge_into.hpp>
#include <weir/operators/event_time/detail/window_tables.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/runtime/output_mode.hpp>

#include <utility>

namespace weir::detail {

/// See event_window_head.
template <class Key, class Accumulator>
class window_state {
public:
  explicit window_state(output_mode mode) : mode_(mode) {}

  template <class Merge>
  void collect(const windowed<Key, Accumulator>& more, Merge& merge, bool must_survive) {
    changes_.take_in(
        more.window, more.key,
        [&] { return change{.value = more.value, .kind = change_kind::collected}; },
        [&](change& to) { merge_into(to.value, merge, more.value, must_survive); }, merge);
    change_bytes_ += traits::heap_bytes(more.value);
  }

  template <class Merge, class Flow>
  void apply(Merge& merge, Flow& flow) {
    bytes_before_ = kept_bytes_;
    for (auto& [window, changes] : changes_.windows())
      for (auto& [key, collected] : changes) {
        const auto [kept, added] =
            kept_.of(window).find_or_make(key, [&] { return std::move(collected.value); });
        if (added) {
          collected.kind = change_kind::added;
          kept_bytes_ += traits::heap_bytes(*kept);
          continue;
        }
        try {
          auto merged = std::invoke(merge, Accumulator(*kept), collected.value);
          kept_bytes_ += traits::heap_bytes(merged) - traits::heap_bytes(*kept);
          collected.value = std::exchange(*kept, std::move(merged));
          collected.kind = change_kind::replaced;
        } catch (...) {
          flow.threw();
        }
      }
  }

  void undo() noexcept {
    for (auto& [window, changes] : changes_.windows())
      for (auto& [key, before] : changes) {
        if (before.kind == change_kind::added)
          kept_.of(window).erase(kept_.of(window).find(key));
        else if (before.kind == change_kind::replaced)
          *kept_.find(window, key) = std::move(before.value);
      }
    kept_bytes_ = bytes_before_;
  }

  void close(watermark final_until) {
    const auto gone = finished(final_until);
    if constexpr (!std::is_trivially_copyable_v<Accumulator>)
      for (std::size_t i = 0; i < gone; ++i)
        for (const auto& [key, gone_value] : kept_.windows()[i].keys)
          kept_bytes_ -= traits::heap_bytes(gone_value);
    kept_.close(gone);
  }

  void forget_changes() noexcept {
    changes_.clear();
    change_bytes_ = 0;
    over_kept_.begin();
    over_changes_.begin();
  }

  template <class Push>
  expected<progress> pass_on(watermark final_until, Push&& push) {
    if (mode_ == output_mode::update)
      return over_changes_.go(changes_,
                              [&](const time_window& window, const Key& key, const change&) {
                                return push(window, key, *kept_.find(window, key));
                              });
    if (mode_ == output_mode::append)
      return over_kept_.go(kept_, push, finished(final_until));
    return over_kept_.go(kept_, push);
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    return kept_.bytes() + changes_.bytes() + kept_bytes_ + change_bytes_;
  }

private:
  using traits = record_traits<Accumulator>;

  enum class change_kind : std::uint8_t {
    collected, ///< Not in the state yet, or left out because merging it threw.
    added,     ///< Its key and window are new in the state.
    replaced,  ///< `value` is what the state had before.
  };
  struct change {
    Accumulator value;
    change_kind kind;
  };

  /// How many windows are final, the first ones.
  [[nodiscard]] std::size_t finished(watermark final_until) {
    const auto& windows = kept_.windows();
    std::size_t count = 0;
    while (count < windows.size() && windows[count].window.end <= final_until)
      ++count;
    return count;
  }

  output_mode mode_;
  window_tables<Key, Accumulator> kept_;
  window_tables<Key, change> changes_;
  window_walk<Key, Accumulator> over_kept_;
  window_walk<Key, change> over_changes_;
  std::size_t kept_bytes_ = 0; ///< What the accumulators own beyond the tables' slots.
  std::size_t change_bytes_ = 0;
  std::size_t bytes_before_ = 0; ///< `kept_bytes_` before the batch.
};

} // namespace weir::detail
