// Whether bytes are UTF-8, and what to do when they are not.
#pragma once

#include <string>
#include <string_view>

namespace weir {

/// What becomes of text that is not valid UTF-8.
enum class invalid_utf8 {
  refuse,  ///< errc::encoding.
  replace, ///< Each byte that is part of no character becomes U+FFFD.
};

/// Length of the longest prefix that is valid UTF-8: no overlong forms, surrogates or code points
/// past U+10FFFF.
[[nodiscard]] std::size_t valid_utf8_prefix(std::string_view text) noexcept;

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  return valid_utf8_prefix(text) == text.size();
}

/// Appends `text` with U+FFFD for each byte that is part of no character.
void append_as_utf8(std::string_view text, std::string& out);

} // namespace weir
