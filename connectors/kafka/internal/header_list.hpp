// Room for a record's headers in the arena of its block.
#pragma once

#include <weir/connectors/kafka/record.hpp>
#include <weir/runtime/arena.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace weir::kafka {

/// Space for `count` headers, aligned; the caller constructs them. They need no destruction.
inline std::span<header> allocate_headers(std::size_t count, arena& to) {
  static_assert(std::is_trivially_destructible_v<header>);
  auto* raw = to.allocate(count * sizeof(header) + alignof(header) - 1); // an arena does not align
  const auto address = reinterpret_cast<std::uintptr_t>(raw);
  const auto aligned = (address + alignof(header) - 1) & ~(std::uintptr_t{alignof(header)} - 1);
  return {reinterpret_cast<header*>(raw + (aligned - address)), count};
}

/// The same headers with their bytes in the arena.
inline std::span<const header> relocate_headers(std::span<const header> from, arena& to) {
  if (from.empty())
    return {};
  const auto room = allocate_headers(from.size(), to);
  for (std::size_t i = 0; i < room.size(); ++i)
    std::construct_at(&room[i], record_traits<header>::relocate(from[i], to));
  return room;
}

} // namespace weir::kafka
