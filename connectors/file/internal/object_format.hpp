// The bytes of an object file: docs/formats/object-file.md.
#pragma once

#include <weir/runtime/key_group.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::object_format {

inline constexpr std::string_view magic = "weirobj1";
/// In place of a record's length: the end of the file.
inline constexpr std::uint32_t end_mark = 0xffff'ffff;

[[nodiscard]] inline std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

/// Length, or the end mark, then the checksum of `bytes`, then `bytes`.
inline void append_frame(std::uint32_t length, std::string_view bytes, std::string& to) {
  codec<std::uint32_t>::encode(length, to);
  codec<std::uint32_t>::encode(checksum(bytes), to);
  to.append(bytes);
}

} // namespace weir::object_format
