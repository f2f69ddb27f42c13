// The data of the Kafka benchmarks: lines of ten words, about 73 bytes, the same on every run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::bench {

inline constexpr std::size_t distinct_words = 10'000;
inline constexpr std::size_t words_per_line = 10;

/// splitmix64: one step of a fixed random sequence.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Distinct words of 4 to 9 letters, 6.4 on average.
inline std::vector<std::string> make_words() {
  std::vector<std::string> words;
  for (std::uint64_t i = 0; i < distinct_words; ++i) {
    std::string word;
    for (auto digits = i; word.size() < 4; digits /= 10) // the number itself makes it distinct
      word += static_cast<char>('a' + digits % 10);
    constexpr std::size_t more[] = {0, 1, 2, 3, 3, 4, 4, 5, 0, 2};
    for (auto random = mix(i), length = 4 + more[random % 10]; word.size() < length; random /= 26)
      word += static_cast<char>('k' + random % 16);
    words.push_back(std::move(word));
  }
  return words;
}

/// Line `i`: words drawn evenly, so a table of them all stays in use.
inline void make_line(std::uint64_t i, const std::vector<std::string>& words, std::string& line) {
  line.clear();
  for (std::size_t w = 0; w < words_per_line; ++w) {
    if (w)
      line += ' ';
    line += words[mix(i * words_per_line + w) % words.size()];
  }
}

} // namespace weir::bench
