// Small functions on text that jobs start with.
#pragma once

#include <iterator>
#include <string_view>

namespace weir {

/// The words of a text, lazily: maximal runs of bytes above 0x20, so spaces and control characters separate them. Views into
/// the text; UTF-8 passes unharmed.
class split_words {
public:
  class iterator {
  public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() = default;
    explicit iterator(std::string_view rest) noexcept : at_(rest.data()), end_(rest.data() + rest.size()) { find_word(); }

    std::string_view operator*() const noexcept { return {at_, static_cast<std::size_t>(word_end_ - at_)}; }
    iterator& operator++() noexcept {
      at_ = word_end_;
      find_word();
      return *this;
    }
    iterator operator++(int) noexcept {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) noexcept { return a.at_ == a.end_; }

  private:
    static bool space(char c) noexcept { return static_cast<unsigned char>(c) <= 0x20; }
    void find_word() noexcept {
      while (at_ != end_ && space(*at_))
        ++at_;
      word_end_ = at_;
      while (word_end_ != end_ && !space(*word_end_))
        ++word_end_;
    }

    const char* at_ = nullptr;
    const char* word_end_ = nullptr;
    const char* end_ = nullptr;
  };

  explicit split_words(std::string_view text) noexcept : text_(text) {}
  [[nodiscard]] iterator begin() const noexcept { return iterator(text_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
  std::string_view text_;
};

} // namespace weir
