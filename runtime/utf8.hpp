// Whether bytes are UTF-8, what to do when they are not, and the marks that texts may begin with.
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

/// `text` without the byte order mark of UTF-8, should it begin with one.
[[nodiscard]] std::string_view without_mark(std::string_view text) noexcept;

/// What `text` is in when its first bytes are the byte order mark of another encoding, such as
/// "UTF-16 (it begins with the byte order mark FF FE)"; else empty. Four bytes are enough to tell.
[[nodiscard]] std::string_view foreign_encoding(std::string_view text) noexcept;

/// Appends `text` with U+FFFD for each byte that is part of no character.
void append_as_utf8(std::string_view text, std::string& out);

} // namespace weir
