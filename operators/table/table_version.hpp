// One version of a table: what join_table looks keys up in.
#pragma once

#include <weir/operators/detail/key_table.hpp>

#include <ranges>

namespace weir {

/// Immutable once made, so any thread may look keys up. Of two entries with the same key the later
/// one counts.
template <class Key, class Value>
class table_version {
  static_assert(self_contained<Key> && self_contained<Value>,
                "a table outlives the bytes that views point into: use an owning type such as "
                "std::string, or specialise weir::record_traits");

public:
  using key_type = Key;
  using mapped_type = Value;

  table_version() = default;

  /// @param entries a range of (key, value), such as a std::map or a vector of pairs.
  template <std::ranges::input_range Entries>
  explicit table_version(Entries&& entries) {
    for (auto&& [key, value] : entries)
      if (const auto [kept, added] = entries_.find_or_make(Key(key), [&] { return Value(value); });
          !added)
        *kept = Value(value);
  }

  /// The value of a key, or of a view of one; null when there is none.
  template <class View>
  [[nodiscard]] const Value* find(const View& key) const {
    return entries_.look_up(key);
  }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
  detail::key_table<Key, Value> entries_;
};

} // namespace weir
