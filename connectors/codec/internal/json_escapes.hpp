// Escapes in strings of JSON that are half a character, and the encodings a document may come in.
// Used by json.cpp.
#pragma once

#include <weir/runtime/utf8.hpp>

#include <charconv>
#include <cstring>
#include <string_view>

namespace weir::detail {

/// What the document is in when that is not UTF-8: by its mark, or, as no document has zero bytes,
/// by those that every other byte of UTF-16 is in plain text.
inline std::string_view encoding_of_json(std::string_view text) noexcept {
  if (text.size() >= 4 && (text[0] == 0) != (text[1] == 0) && (text[0] == 0) == (text[2] == 0) &&
      (text[1] == 0) == (text[3] == 0))
    return "UTF-16 (every other byte is zero)";
  return foreign_encoding(text);
}

/// The code unit of the escape at `at`, `\uXXXX`; 0 when it is another one.
inline unsigned code_unit(const char* at) noexcept {
  unsigned unit = 0;
  if (at[0] != '\\' || at[1] != 'u' || std::from_chars(at + 2, at + 6, unit, 16).ptr != at + 6)
    return 0;
  return unit;
}

/// Calls `half(at)` for each escape of a string that is one half of a surrogate pair, until it
/// returns false.
/// @param at inside of the string, at no escaped character. The string is closed, and there are
/// bytes enough behind it to look at one escape more.
template <class Half>
void each_half_character(char* at, Half half) {
  for (; *at != '"'; ++at) {
    if (*at != '\\')
      continue;
    const auto unit = code_unit(at);
    if (unit >= 0xD800 && unit < 0xE000) {
      const auto other = unit < 0xDC00 ? code_unit(at + 6) : 0;
      if (other >= 0xDC00 && other < 0xE000)
        at += 6; // a pair
      else if (!half(at))
        return;
    }
    at += unit != 0 ? 5 : 1;
  }
}

[[nodiscard]] inline bool has_half_character(char* string) noexcept {
  bool found = false;
  each_half_character(string, [&](char*) {
    found = true;
    return false;
  });
  return found;
}

/// Puts the escape of U+FFFD in the place of each half.
inline void replace_half_characters(char* string) noexcept {
  each_half_character(string, [](char* at) {
    std::memcpy(at + 2, "FFFD", 4);
    return true;
  });
}

} // namespace weir::detail
