#include <weir/connectors/codec/csv.hpp>

#include <fmt/format.h>

#include <cstring>

namespace weir::detail {

error wrong_column(std::string_view column, std::string_view why) {
  return error(errc::decode, fmt::format("column '{}' {}", column, why));
}

expected<void> csv_splitter::split(std::string_view line, const csv_options& how) {
  fields_.clear();
  unescaped_.rewind();
  if (const auto foreign = foreign_encoding(line); !foreign.empty())
    return error(errc::encoding,
                 fmt::format("the line is {}; CSV is read as UTF-8: convert it", foreign));
  line = without_mark(line);
  if (const auto valid = valid_utf8_prefix(line); valid != line.size()) {
    if (how.invalid_utf8 == invalid_utf8::refuse)
      return error(errc::encoding, fmt::format("the line is not UTF-8 at byte {}", valid));
    repaired_.clear();
    append_as_utf8(line, repaired_);
    line = repaired_;
  }
  if (line.ends_with('\n'))
    line.remove_suffix(1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  for (std::string_view rest = line;;) {
    csv_field field;
    if (rest.starts_with(how.quote)) {
      auto text = unquote(rest, how);
      if (!text)
        return std::move(text).error();
      field = {.text = *text, .quoted = true};
      if (!rest.empty() && rest.front() != how.separator)
        return error(errc::decode,
                     fmt::format("column {} goes on behind its closing quote", fields_.size() + 1));
    } else {
      const auto end = std::min(rest.find(how.separator), rest.size());
      field.text = rest.substr(0, end);
      rest.remove_prefix(end);
      if (field.text.find(how.quote) != std::string_view::npos)
        return error(errc::decode, fmt::format("column {} has a quote in the midst of plain text",
                                               fields_.size() + 1));
    }
    fields_.push_back(field);
    if (rest.empty())
      return {};
    rest.remove_prefix(1);
  }
}

/// Takes a quoted field from the front. Two quotes in it stand for one.
expected<std::string_view> csv_splitter::unquote(std::string_view& rest, const csv_options& how) {
  std::size_t quotes = 0;
  std::size_t end = 1;
  for (;; end += 2) {
    end = rest.find(how.quote, end);
    if (end == std::string_view::npos)
      return error(errc::decode, fmt::format("column {} has no closing quote", fields_.size() + 1));
    if (end + 1 == rest.size() || rest[end + 1] != how.quote)
      break;
    ++quotes;
  }
  const auto raw = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  if (quotes == 0)
    return raw;
  char* const text = unescaped_.allocate(raw.size() - quotes);
  char* to = text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    *to++ = raw[i];
    i += raw[i] == how.quote;
  }
  return std::string_view(text, raw.size() - quotes);
}

} // namespace weir::detail
