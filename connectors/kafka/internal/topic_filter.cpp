#include <weir/connectors/kafka/internal/topic_filter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>

namespace weir::kafka {

struct topic_filter::compiled {
  std::regex expression;
};

namespace {

/// The alternatives of a pattern: what stands between bars outside of parentheses and brackets.
std::vector<std::string_view> alternatives(std::string_view pattern) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  bool bracket = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (bracket) {
      bracket = c != ']';
    } else if (c == '[') {
      bracket = true;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      parts.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(pattern.substr(std::min(begin, pattern.size())));
  return parts;
}

/// The closing parenthesis of the one that a text begins with.
std::size_t closing(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '(')
      ++depth;
    else if (text[i] == ')' && --depth == 0)
      return i;
  }
  return text.npos;
}

/// The name that a part of a pattern is, if it means itself. A dot stands for a dot: Kafka's names
/// have them, and whoever writes a name does not always escape it.
std::optional<std::string> literal(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '\\' && i + 1 < part.size())
      name += part[++i];
    else if (std::string_view("*+?()[]{}|^$\\").find(part[i]) != std::string_view::npos)
      return std::nullopt;
    else
      name += part[i];
  }
  return name;
}

void collect(std::string_view pattern, std::vector<std::string>& named) {
  for (auto part : alternatives(pattern)) {
    if (part.starts_with('^'))
      part.remove_prefix(1);
    if (part.ends_with('$') && !part.ends_with("\\$"))
      part.remove_suffix(1);
    if (part.starts_with('(') && closing(part) == part.size() - 1)
      collect(part.substr(1, part.size() - 2), named);
    else if (const auto name = literal(part); name && topic_filter::is_internal(*name))
      named.push_back(*name);
  }
}

} // namespace

expected<topic_filter> topic_filter::make(const std::string& pattern) {
  topic_filter made;
  try {
    made.expression_ =
        std::make_shared<compiled>(std::regex(pattern, std::regex::extended | std::regex::nosubs));
  } catch (const std::regex_error& wrong) {
    return error{errc::invalid_config,
                 fmt::format("option `topic_pattern` = \"{}\" is no regular expression: {}",
                             pattern, wrong.what())};
  }
  collect(pattern, made.named_);
  return made;
}

bool topic_filter::matches(const std::string& topic) const {
  if (is_internal(topic))
    return std::ranges::find(named_, topic) != named_.end();
  return std::regex_match(topic, expression_->expression);
}

} // namespace weir::kafka
