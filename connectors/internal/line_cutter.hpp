// Cuts bytes that come in pieces into lines. Used by file/internal/file_receiver.cpp and
// socket/socket_text_stream.cpp.
#pragma once

#include <weir/connectors/internal/csv_quotes.hpp>

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
///
/// By the rules of CSV a line end between quotes belongs to the line. Where quotes do not pair, or
/// not within the allowed bytes, every line end ends a line: a quote too many costs the line that
/// it stands in, and not those behind it.
class line_cutter {
public:
  /// @param max_line_bytes without the line's end; >= 1.
  explicit line_cutter(std::size_t max_line_bytes) : max_(max_line_bytes), bytes_(piece_bytes) {}

  /// Ready for another input.
  /// @param offset of its first byte.
  /// @param quoting by the rules of CSV; none: every line end ends a line.
  void begin(std::int64_t offset = 0, std::optional<csv_quoting> quoting = {}) {
    begin_ = scanned_ = end_ = 0;
    base_ = offset;
    ended_ = false;
    overlong_.reset();
    first_end_.reset();
    quotes_.reset();
    if (quoting)
      quotes_.emplace(*quoting);
  }

  /// Where the next piece goes; never empty. Take every line that is there before.
  [[nodiscard]] std::span<char> room() {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      base_ += static_cast<std::int64_t>(begin_);
      scanned_ -= begin_;
      end_ -= begin_;
      if (first_end_)
        *first_end_ -= begin_;
      begin_ = 0;
    }
    if (bytes_.size() - end_ < piece_bytes / 2)
      bytes_.resize(bytes_.size() * 2);
    return {bytes_.data() + end_, bytes_.size() - end_};
  }

  /// `count` bytes have been written to `room()`.
  void added(std::size_t count) noexcept { end_ += count; }

  /// No more will be added: `next` gives the last line too, if it has no end.
  void finish() noexcept { ended_ = true; }

  /// The next line whose end has come.
  [[nodiscard]] std::optional<cut_line> next() {
    while (scanned_ < end_) {
      const char* const from = bytes_.data() + scanned_;
      const auto* const found = static_cast<const char*>(std::memchr(from, '\n', end_ - scanned_));
      const auto at = found ? static_cast<std::size_t>(found - bytes_.data()) : end_;
      const bool quoting = quotes_ && !overlong_;
      if (quoting)
        quotes_->add({from, at - scanned_});
      scanned_ = at;
      if (!found)
        break;
      const bool fits = text_until(at).size() <= max_;
      if (!quoting || !quotes_->open() || !fits)
        return cut(!first_end_ || (fits && !quotes_->open() && !quotes_->broken()) ? at
                                                                                   : *first_end_);
      first_end_ = first_end_.value_or(at);
      ++scanned_; // this line end is text
    }
    if (first_end_ &&
        (quotes_->broken() || (ended_ && quotes_->open()) || text_until(end_).size() > max_))
      return cut(*first_end_);
    if (ended_)
      return begin_ == end_ && !overlong_ ? std::nullopt : std::optional(cut(end_));
    if (end_ - begin_ > max_ + 1) // one more may be the "\r" of the line's end
      throw_away();
    return std::nullopt;
  }

private:
  static constexpr std::size_t piece_bytes = std::size_t{64} * 1024;

  [[nodiscard]] std::string_view text_until(std::size_t until) const {
    std::string_view text(bytes_.data() + begin_, until - begin_);
    if (text.ends_with('\r'))
      text.remove_suffix(1);
    return text;
  }

  /// The line up to `until`, which is a line end or the end of the input.
  cut_line cut(std::size_t until) {
    const auto text = text_until(until);
    const auto at = std::exchange(overlong_, std::nullopt);
    const auto offset = at.value_or(base_ + static_cast<std::int64_t>(begin_));
    begin_ = scanned_ = until < end_ ? until + 1 : end_;
    first_end_.reset();
    if (quotes_)
      quotes_->begin_line();
    if (at || text.size() > max_)
      return {.text = {}, .offset = offset, .too_long = true};
    return {.text = text, .offset = offset};
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
  std::int64_t base_ = 0; ///< Offset in the input of `bytes_[0]`.
  bool ended_ = false;
  std::optional<std::int64_t> overlong_; ///< Where the line began whose bytes are thrown away.
  std::optional<csv_quotes> quotes_;     ///< As far as the line has been scanned.
  std::optional<std::size_t> first_end_; ///< The first line end between quotes of the line.
};

} // namespace weir
