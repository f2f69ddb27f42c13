#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir::kafka {

namespace {

constexpr std::size_t longest_topic = 249;
constexpr std::size_t longest_group = 32'000;
constexpr std::size_t longest_pattern = 1'000;

constexpr bool is_letter_of_topics(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

/// What C's isspace takes for a blank, whatever the locale.
constexpr std::string_view blanks = " \t\n\v\f\r";

error wrong(std::string message) { return {errc::invalid_config, std::move(message)}; }

} // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t most = 80;
  std::string clean;
  for (const char c : text.substr(0, most)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      clean += c;
  }
  if (text.size() > most)
    clean += fmt::format("... ({} bytes)", text.size());
  return clean;
}

std::string_view credentials_in(std::string_view text) {
  if (const auto at = text.rfind('@'); at != text.npos)
    return text.substr(0, at + 1);
  const auto escaped = text.rfind("%40");
  return escaped == text.npos ? std::string_view() : text.substr(0, escaped + 3);
}

expected<void> check_topic(std::string_view what, std::string_view topic) {
  if (topic.empty() || topic.size() > longest_topic || topic == "." || topic == ".." ||
      !std::ranges::all_of(topic, is_letter_of_topics))
    return wrong(fmt::format("{}: \"{}\" is no topic name; use 1 to {} of letters, digits, '.', "
                             "'_' and '-'",
                             what, shown(topic), longest_topic));
  return {};
}

expected<void> check_group(std::string_view group) {
  const auto refused = [&](std::string_view why) {
    return wrong(fmt::format("option `group` = \"{}\" {}", shown(group), why));
  };
  if (group.find_first_not_of(blanks) == group.npos && !group.empty())
    return refused("is blank; name the group, or leave the option empty to read without one");
  if (!group.empty() && blanks.find(group.front()) != blanks.npos)
    return refused("begins with a blank, which Kafka's client would cut off; remove it");
  if (group.find('\0') != group.npos)
    return refused("has a NUL byte, where Kafka's client would cut it; remove it");
  if (group.size() > longest_group)
    return refused(fmt::format("is too long; use at most {} bytes", longest_group));
  return {};
}

expected<void> check_pattern(std::string_view pattern) {
  if (pattern.size() > longest_pattern || pattern.find('\0') != pattern.npos)
    return wrong(fmt::format("option `topic_pattern` = \"{}\" is too long or has a NUL byte; use "
                             "at most {} bytes",
                             shown(pattern), longest_pattern));
  return {};
}

} // namespace weir::kafka
