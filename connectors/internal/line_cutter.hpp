// Cuts bytes that come in pieces into lines. Used by file/internal/file_receiver.cpp and
// socket/internal/line_connection.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// A line without its end, "\n" or "\r\n". Valid until the next call of the cutter that gave it.
struct cut_line {
  std::string_view text;   ///< Empty when it is too long.
  std::int64_t offset = 0; ///< Bytes of the input before the line.
  bool too_long = false;   ///< It had more than the allowed bytes; they were thrown away.
};

/// Holds at most one line of the greatest length and one piece. Single-threaded.
class line_cutter {
public:
  /// @param max_line_bytes without the line's end; >= 1.
  explicit line_cutter(std::size_t max_line_bytes) : max_(max_line_bytes), bytes_(piece_bytes) {}

  /// Where the next piece goes; never empty. Take every line that is there before.
  [[nodiscard]] std::span<char> room() {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      base_ += static_cast<std::int64_t>(begin_);
      scanned_ -= begin_;
      end_ -= begin_;
      begin_ = 0;
    }
    if (bytes_.size() - end_ < piece_bytes / 2)
      bytes_.resize(bytes_.size() * 2);
    return {bytes_.data() + end_, bytes_.size() - end_};
  }

  /// `count` bytes have been written to `room()`.
  void added(std::size_t count) noexcept { end_ += count; }

  /// The next line whose end has come.
  [[nodiscard]] std::optional<cut_line> next() {
    const char* found = nullptr;
    if (scanned_ < end_)
      found =
          static_cast<const char*>(std::memchr(bytes_.data() + scanned_, '\n', end_ - scanned_));
    if (!found) {
      scanned_ = end_;
      if (end_ - begin_ > max_ + 1) // one more may be the "\r" of the line's end
        throw_away();
      return std::nullopt;
    }
    const auto line = take(static_cast<std::size_t>(found - bytes_.data()));
    begin_ = scanned_ = static_cast<std::size_t>(found - bytes_.data()) + 1;
    return line;
  }

  /// At the end of the input: the last line, if it has no end.
  [[nodiscard]] std::optional<cut_line> last() {
    if (begin_ == end_ && !overlong_)
      return std::nullopt;
    const auto line = take(end_);
    begin_ = scanned_ = end_;
    return line;
  }

  /// Ready for another input.
  void clear() noexcept {
    begin_ = scanned_ = end_ = 0;
    base_ = 0;
    overlong_.reset();
  }

private:
  static constexpr std::size_t piece_bytes = std::size_t{64} * 1024;

  cut_line take(std::size_t until) {
    std::string_view text(bytes_.data() + begin_, until - begin_);
    if (text.ends_with('\r'))
      text.remove_suffix(1);
    const auto at = std::exchange(overlong_, std::nullopt);
    if (at || text.size() > max_)
      return {.text = {},
              .offset = at.value_or(base_ + static_cast<std::int64_t>(begin_)),
              .too_long = true};
    return {.text = text, .offset = base_ + static_cast<std::int64_t>(begin_)};
  }

  void throw_away() {
    if (!overlong_)
      overlong_ = base_ + static_cast<std::int64_t>(begin_);
    begin_ = end_;
  }

  std::size_t max_;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;   ///< Of the line that is not complete.
  std::size_t scanned_ = 0; ///< No line ends before.
  std::size_t end_ = 0;
  std::int64_t base_ = 0;                ///< Offset in the input of `bytes_[0]`.
  std::optional<std::int64_t> overlong_; ///< Where the line began whose bytes are thrown away.
};

} // namespace weir
