// Small functions on text that jobs start with.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

/// The words of a text, lazily: maximal runs of bytes above 0x20, so spaces and control characters
/// separate them. Views into the text; UTF-8 passes unharmed.
///
/// Looks at 16 bytes at a time: searching byte by byte costs a branch that the processor guesses
/// wrong at every word's end.
class split_words {
public:
  class iterator {
  public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() = default;
    explicit iterator(std::string_view text) noexcept
        : begin_(text.data()), end_(text.data() + text.size()), word_(begin_), rest_(begin_),
          window_(begin_), next_(begin_) {
      find_word();
    }

    std::string_view operator*() const noexcept {
      return {word_, static_cast<std::size_t>(word_end_ - word_)};
    }
    iterator& operator++() noexcept {
      find_word();
      return *this;
    }
    iterator operator++(int) noexcept {
      auto before = *this;
      find_word();
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.word_ == b.word_;
    }
    friend bool operator==(const iterator& a, std::default_sentinel_t) noexcept {
      return a.word_ == a.end_;
    }

  private:
    static constexpr std::ptrdiff_t width = 16;

    void find_word() noexcept {
      for (;;) {
        while (separators_ == 0) {
          if (next_ == end_) { // the end of the text separates too
            word_ = rest_;
            word_end_ = rest_ = end_;
            return;
          }
          look_further();
        }
        const char* separator = window_ + std::countr_zero(separators_);
        separators_ &= separators_ - 1;
        const char* start = rest_;
        rest_ = separator + 1;
        if (start != separator) {
          word_ = start;
          word_end_ = separator;
          return;
        }
      }
    }

    /// Finds the separators of the next window, `[next_, next_ + width)` or what is left.
    void look_further() noexcept {
      window_ = next_;
#if defined(__SSE2__)
      if (end_ - begin_ >= width) {
        // The last window is read so that it ends with the text; what was seen before is shifted
        // out.
        const std::ptrdiff_t seen = end_ - next_ >= width ? 0 : width - (end_ - next_);
        const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next_ - seen));
        const auto low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x20)), bytes);
        separators_ = static_cast<std::uint32_t>(_mm_movemask_epi8(low)) >> seen;
        next_ += width - seen;
        return;
      }
#endif
      for (std::uint32_t bit = 1; next_ != end_ && next_ - window_ < width; ++next_, bit <<= 1)
        if (static_cast<unsigned char>(*next_) <= 0x20)
          separators_ |= bit;
    }

    const char* begin_ = nullptr;
    const char* end_ = nullptr;
    const char* word_ = nullptr; ///< The present word; `end_` when there is none.
    const char* word_end_ = nullptr;
    const char* rest_ = nullptr;   ///< Where the next word may begin.
    const char* window_ = nullptr; ///< What `separators_` are counted from.
    const char* next_ = nullptr;   ///< First byte that no window has covered.
    std::uint32_t separators_ =
        0; ///< Bit i: a separator at `window_ + i` that has not been passed.
  };

  explicit split_words(std::string_view text) noexcept : text_(text) {}
  [[nodiscard]] iterator begin() const noexcept { return iterator(text_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  std::string_view text_;
};

} // namespace weir
