#include <weir/runtime/utf8.hpp>

#include <cstdint>
#include <cstring>

namespace weir {
namespace {

/// Length of the character that begins `text`, or 0 when none does. Bounds of the second byte are
/// those of the Unicode standard, table 3-7.
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return within(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF)
    return within(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) &&
                   within(2, 0x80, 0xBF)
               ? 3
               : 0;
  if (first >= 0xF0 && first <= 0xF4)
    return within(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) &&
                   within(2, 0x80, 0xBF) && within(3, 0x80, 0xBF)
               ? 4
               : 0;
  return 0;
}

} // namespace

std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;
    while (text.size() - at >= sizeof eight) { // plain ASCII, eight bytes at a time
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if (eight & 0x8080808080808080)
        break;
      at += sizeof eight;
    }
    if (at == text.size())
      break;
    const auto length = character_length(text.substr(at));
    if (length == 0)
      return at;
    at += length;
  }
  return at;
}

std::string_view without_mark(std::string_view text) noexcept {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);
  return text;
}

std::string_view foreign_encoding(std::string_view text) noexcept {
  using namespace std::string_view_literals;
  if (text.starts_with("\xFF\xFE\0\0"sv))
    return "UTF-32 (it begins with the byte order mark FF FE 00 00)";
  if (text.starts_with("\0\0\xFE\xFF"sv))
    return "UTF-32 (it begins with the byte order mark 00 00 FE FF)";
  if (text.starts_with("\xFF\xFE"sv))
    return "UTF-16 (it begins with the byte order mark FF FE)";
  if (text.starts_with("\xFE\xFF"sv))
    return "UTF-16 (it begins with the byte order mark FE FF)";
  return {};
}

void append_as_utf8(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const auto valid = valid_utf8_prefix(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty())
      return;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(1);
  }
}

} // namespace weir
