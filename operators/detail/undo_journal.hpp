// What undoes an open epoch: the keys that it has changed, as they were. Used by state_table.hpp.
#pragma once

#include <weir/runtime/arena.hpp>
#include <weir/runtime/record_traits.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::detail {

/// Changes in their order, to be undone from the end. Stamps are even.
template <class Key, class State>
class undo_journal {
  /// A string is a view of the journal's own bytes: no allocation per key.
  using kept_key = std::conditional_t<std::is_same_v<Key, std::string>, std::string_view, Key>;

  template <class T>
  static constexpr bool plain = std::is_trivially_copyable_v<T> && std::default_initializable<T>;
  static constexpr bool plain_entries = std::is_same_v<kept_key, Key> && plain<Key> && plain<State>;

public:
  static constexpr std::int64_t absent = std::numeric_limits<std::int64_t>::min();

  struct change {
    kept_key key;
    std::int64_t tagged_stamp; ///< Plus 1 when there is a state.
    std::conditional_t<plain_entries, State, std::optional<State>> kept;

    /// The stamp that the key had, or `absent`.
    [[nodiscard]] std::int64_t stamp() const noexcept { return tagged_stamp & ~std::int64_t{1}; }
    /// Whether the state was changed too.
    [[nodiscard]] bool has_state() const noexcept { return tagged_stamp & 1; }
    [[nodiscard]] State& state() noexcept {
      if constexpr (plain_entries)
        return kept;
      else
        return *kept;
    }
  };

  /// The key's state is about to go. @param first whether that is its first change in the epoch; if
  /// not, nothing is kept.
  template <class K>
  [[gnu::always_inline]] void save(const K& key, std::int64_t stamp, State& state, bool first) {
    if constexpr (plain_entries) {
      // An entry that the next one overwrites costs less than a branch that nobody can foresee.
      if (seldom_ && !first)
        return;
      auto& to = room();
      to.key = key;
      to.tagged_stamp = stamp | 1;
      to.kept = state;
      size_ += first;
    } else if (first) {
      heap_bytes_ += record_traits<State>::heap_bytes(state);
      changes_.push_back({keep(key), stamp | 1, std::move(state)});
      ++size_;
    }
  }

  /// The key was not there, or only its stamp is about to go.
  template <class K>
  void note(const K& key, std::int64_t stamp) {
    if constexpr (plain_entries) {
      auto& to = room();
      to.key = key;
      to.tagged_stamp = stamp;
    } else {
      changes_.push_back({keep(key), stamp, std::nullopt});
    }
    ++size_;
  }

  /// So many changes may follow. When few of those before were a key's first, the next will be
  /// foreseen not to be.
  void expect(std::size_t changes) noexcept {
    seldom_ = (size_ - size_before_) * 8 < std::exchange(expected_, changes);
    size_before_ = size_;
  }

  [[nodiscard]] std::span<change> changes() noexcept { return {changes_.data(), size_}; }
  [[nodiscard]] std::span<const change> changes() const noexcept {
    return {changes_.data(), size_};
  }

  void clear() noexcept {
    if (changes_.capacity() > 1024 && size_ < changes_.capacity() / 8)
      changes_ = {}; // one large epoch must not hold its memory for ever
    else if constexpr (!plain_entries)
      changes_.clear();
    size_ = size_before_ = 0;
    key_bytes_.rewind();
    heap_bytes_ = 0;
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    return changes_.capacity() * sizeof(change) + key_bytes_.used() + heap_bytes_;
  }

private:
  template <class K>
  kept_key keep(const K& key) {
    if constexpr (std::is_same_v<kept_key, Key>)
      return key;
    else
      return key_bytes_.copy(key);
  }

  [[gnu::always_inline]] change& room() {
    if (size_ == changes_.size()) [[unlikely]]
      grow();
    return changes_[size_];
  }
  [[gnu::noinline]] void grow() { changes_.resize(std::max<std::size_t>(64, 2 * size_)); }

  std::vector<change> changes_; ///< When plain, up to `size_`: the rest is room.
  std::size_t size_ = 0;
  arena key_bytes_;
  std::size_t heap_bytes_ = 0; ///< What the states own.

  bool seldom_ = false;
  std::size_t expected_ = 0;
  std::size_t size_before_ = 0; ///< When `expect` was called.
};

} // namespace weir::detail
