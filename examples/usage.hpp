// What every small example does with its command line: none of them has options.
#pragma once

#include <weir/main.hpp> // exit_code

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string_view>

/// Answers --help, and refuses other options and a wrong number of arguments.
/// @param text how the program is called. @returns the exit code to end with; nullopt: go on.
inline std::optional<int> usage(int argc, char** argv, const char* text, int least = 0,
                                int most = 0) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      std::printf("usage: %s\n", text);
      return weir::exit_code::ok;
    }
    if (word.starts_with('-')) {
      std::fprintf(stderr, "%s: not an option\nusage: %s\n", argv[i], text);
      return weir::exit_code::bad_usage;
    }
  }
  if (argc - 1 >= least && argc - 1 <= most)
    return std::nullopt;
  std::fprintf(stderr, "usage: %s\n", text);
  return weir::exit_code::bad_usage;
}

/// A port number, which `text` is to be; nullopt, once it is told, when it is none.
inline std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure == std::errc() && end == text.data() + text.size())
    return port;
  std::fprintf(stderr, "'%.*s' is not a port from 0 to 65535\n", static_cast<int>(text.size()),
               text.data());
  return std::nullopt;
}
