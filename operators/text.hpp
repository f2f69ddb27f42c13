// Small functions on text that jobs start with.
#pragma once

#include <iterator>
#include <string_view>

namespace weir {

/// The words of a text, lazily: maximal runs of characters other than space, tab, CR and LF. Views into the text.
class split_words {
public:
  class iterator {
  public:
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() = default;
    explicit iterator(std::string_view rest) : at_(rest.data()), end_(rest.data() + rest.size()) { find_word(); }

    std::string_view operator*() const { return {at_, static_cast<std::size_t>(word_end_ - at_)}; }
    iterator& operator++() {
      at_ = word_end_;
      find_word();
      return *this;
    }
    iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) { return a.at_ == a.end_; }

  private:
    static bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
    void find_word() {
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

  explicit split_words(std::string_view text) : text_(text) {}
  [[nodiscard]] iterator begin() const { return iterator(text_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

private:
  std::string_view text_;
};

} // namespace weir
