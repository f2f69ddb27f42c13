// Tables from key to value, one per window. Used on both sides of the shuffle.
#pragma once

#include <weir/operators/detail/key_table.hpp>
#include <weir/operators/event_time/windows.hpp>
#include <weir/runtime/stage.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace weir::detail {

template <class Key, class Value>
class window_walk;

/// The windows of one partition, by start. Finding the window of a record costs a comparison when
/// the record before it was in the same one; tables of windows that are gone serve the next ones.
template <class Key, class Value>
class window_tables {
public:
  using table = key_table<Key, Value>;
  using walk = window_walk<Key, Value>;
  struct entry {
    time_window window;
    table keys;
  };

  /// The table of a window, made if need be.
  [[nodiscard]] table& of(const time_window& window) {
    if (last_ < open_.size() && open_[last_].window.start == window.start) [[likely]]
      return open_[last_].keys;
    const auto at = place_of(window);
    last_ = static_cast<std::size_t>(at - open_.begin());
    if (at != open_.end() && at->window == window)
      return at->keys;
    if (spare_.empty())
      return open_.insert(at, entry{window, {}})->keys;
    table reused = std::move(spare_.back());
    spare_.pop_back();
    return open_.insert(at, entry{window, std::move(reused)})->keys;
  }

  /// `create()` makes the value of a window and key, `add(value)` adds to it. Windows never join.
  template <class View, class Create, class Add, class Merge>
  void take_in(const time_window& window, const View& key, Create&& create, Add&& add, Merge&&) {
    if (const auto [found, added] = of(window).find_or_make(key, create); !added)
      add(*found);
  }

  /// The value of a window and key, or null.
  [[nodiscard]] Value* find(const time_window& window, const Key& key) {
    const auto at = place_of(window);
    if (at == open_.end() || at->window != window)
      return nullptr;
    const auto found = at->keys.find(key);
    return found == at->keys.end() ? nullptr : &found->second;
  }

  /// In the order of their starts.
  [[nodiscard]] std::vector<entry>& windows() noexcept { return open_; }

  /// Forgets the first `count` windows.
  void close(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      open_[i].keys.clear();
      spare_.push_back(std::move(open_[i].keys));
    }
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(count));
    last_ = 0;
  }
  void clear() { close(open_.size()); }

  /// Gives the memory back too.
  void release() { *this = {}; }

  /// With what the tables that wait for reuse hold.
  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t sum = 0;
    for (const auto& each : open_)
      sum += each.keys.bytes();
    for (const auto& each : spare_)
      sum += each.bytes();
    return sum;
  }

private:
  [[nodiscard]] auto place_of(const time_window& window) {
    return std::lower_bound(
        open_.begin(), open_.end(), window.start,
        [](const entry& e, event_time start) { return e.window.start < start; });
  }

  std::vector<entry> open_; ///< By start.
  std::vector<table> spare_;
  std::size_t last_ = 0; ///< The window of the last record.
};

/// Goes through the values of `window_tables`, window by window, and can stop at any of them.
/// Nothing may be inserted on the way.
template <class Key, class Value>
class window_walk {
public:
  void begin() { *this = {}; }

  /// Calls `use(window, key, value)` for the windows before number `until`; it returns `blocked`
  /// to be called again with the same value.
  template <class Use>
  expected<progress> go(window_tables<Key, Value>& tables, Use&& use,
                        std::size_t until = std::numeric_limits<std::size_t>::max()) {
    auto& windows = tables.windows();
    for (until = std::min(until, windows.size()); window_ < until; ++window_) {
      auto& [window, keys] = windows[window_];
      if (!entered_)
        next_ = keys.begin();
      entered_ = true;
      for (; next_ != keys.end(); ++next_) {
        auto used = use(window, next_->first, next_->second);
        if (!used || *used == progress::blocked)
          return used;
      }
      entered_ = false;
    }
    window_ = 0;
    return progress::done;
  }

private:
  std::size_t window_ = 0;
  bool entered_ = false;
  typename key_table<Key, Value>::iterator next_{};
};

} // namespace weir::detail
