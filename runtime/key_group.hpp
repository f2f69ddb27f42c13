// Where a key lives: a fixed hash, one of 128 key groups, a logical partition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#define XXH_INLINE_ALL
#include <weir/runtime/codec.hpp>
#include <weir/runtime/identifiers.hpp>

#include <xxhash.h>

namespace weir {

/// Number of key groups. Fixed for ever: checkpoints address state by it.
inline constexpr std::uint32_t key_groups = 128;

/// A fixed 64-bit hash of a key: XXH3 of its bytes, the same on every machine and in every version,
/// unlike `std::hash`. Strings hash by their characters, numbers by their bits, everything else by
/// its codec's bytes. Transparent: a view and the string of the same characters hash alike.
template <class Key>
struct key_hash {
  using is_transparent = void;
  using is_avalanching = void; ///< Tells Boost's tables that the bits need no further mixing.

  std::uint64_t operator()(const Key& key) const
    requires(!std::is_convertible_v<const Key&, std::string_view>)
  {
    if constexpr (std::is_floating_point_v<Key>) {
      const Key canonical = detail::canonical_number(key); // what is the same key must hash alike
      return XXH3_64bits(&canonical, sizeof canonical);
    } else if constexpr (std::is_arithmetic_v<Key> || std::is_enum_v<Key>) {
      return XXH3_64bits(&key, sizeof key);
    } else {
      thread_local std::string bytes; // keeps its capacity: no allocation per key
      bytes.clear();
      codec<Key>::encode(key, bytes);
      return XXH3_64bits(bytes.data(), bytes.size());
    }
  }

  std::uint64_t operator()(std::string_view key) const
    requires std::is_convertible_v<const Key&, std::string_view>
  {
    return XXH3_64bits(key.data(), key.size());
  }
};

/// Whether two keys, or a key and a view of it, are the same: equal or, when a key does not equal
/// itself because of a NaN in it, of the same bytes. So there is one NaN key, and every key is
/// found again, whatever its type calls equal.
[[nodiscard]] constexpr bool same_key(const auto& a, const auto& b) {
  using key = std::remove_cvref_t<decltype(a)>;
  if (a == b)
    return true;
  if constexpr (std::is_floating_point_v<key>)
    return a != a && b != b;
  else if constexpr (std::is_integral_v<key> || std::is_enum_v<key> ||
                     std::is_convertible_v<const key&, std::string_view>)
    return false;
  else
    return !(a == a) && encoded(a) == encoded(b);
}

/// The key group of a hash: its upper 7 bits, so that tables may use the lower ones.
[[nodiscard]] constexpr std::uint32_t key_group_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 57);
}

/// The logical partition, of `partitions` <= 128, that hosts a key group: contiguous runs of
/// groups.
[[nodiscard]] constexpr partition_id partition_of_group(std::uint32_t group,
                                                        std::uint32_t partitions) noexcept {
  return partition_id(group * partitions / key_groups);
}

/// The logical partition of a key.
template <class Key>
[[nodiscard]] partition_id partition_of(const Key& key, std::uint32_t partitions) {
  return partition_of_group(key_group_of(key_hash<Key>{}(key)), partitions);
}

} // namespace weir
