#include <weir/runtime/internal/crc32c.hpp>

#include <boost/crc.hpp>

#include <cstring>

namespace weir {

std::uint32_t portable_crc32c(std::string_view bytes) noexcept {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> sum;
  sum.process_bytes(bytes.data(), bytes.size());
  return sum.checksum();
}

#ifdef __x86_64__

namespace {

[[gnu::target("sse4.2")]] std::uint32_t by_instruction(std::string_view bytes) noexcept {
  std::uint64_t sum = 0xFFFFFFFF;
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof(word); bytes.remove_prefix(sizeof(word))) {
    std::memcpy(&word, bytes.data(), sizeof(word));
    sum = __builtin_ia32_crc32di(sum, word);
  }
  auto rest = static_cast<std::uint32_t>(sum);
  for (const char byte : bytes)
    rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(byte));
  return ~rest;
}

} // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  return has_instruction ? by_instruction(bytes) : portable_crc32c(bytes);
}

#else

std::uint32_t crc32c(std::string_view bytes) noexcept { return portable_crc32c(bytes); }

#endif

} // namespace weir
