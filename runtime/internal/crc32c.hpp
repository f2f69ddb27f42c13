// The checksum of write-ahead logs: CRC-32C (Castagnoli). Used by wal_segment.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

/// By the processor's own instruction where it has one: some 8 bytes in 3 cycles.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes) noexcept;

/// The same on any processor.
[[nodiscard]] std::uint32_t portable_crc32c(std::string_view bytes) noexcept;

} // namespace weir
