// Whether the quotes of CSV are open at a line's end. Used by line_cutter.hpp.
#pragma once

#include <cstring>
#include <string_view>

namespace weir {

/// What stands between and around the columns of CSV.
struct csv_quoting {
  char separator = ',';
  char quote = '"';
};

/// Follows the quotes of one line, piece by piece. A quote opens at the beginning of a column only,
/// two in a quoted column stand for one, and behind the closing one the column ends: what breaks
/// these rules is no CSV.
class csv_quotes {
public:
  explicit csv_quotes(csv_quoting how) : how_(how) {}

  void begin_line() noexcept { at_ = place::column; }

  void add(std::string_view bytes) noexcept {
    for (const char *c = bytes.data(), *end = c + bytes.size(); c != end && !broken(); ++c) {
      if (at_ == place::plain || at_ == place::quoted) {
        const char wanted = at_ == place::plain ? how_.separator : how_.quote;
        c = static_cast<const char*>(std::memchr(c, wanted, static_cast<std::size_t>(end - c)));
        if (!c)
          return;
      }
      at_ = behind(*c);
    }
  }

  /// Whether a line end here is text.
  [[nodiscard]] bool open() const noexcept { return at_ == place::quoted; }
  [[nodiscard]] bool broken() const noexcept { return at_ == place::broken; }

private:
  enum class place { column, plain, quoted, closed, line_end, broken };

  [[nodiscard]] place behind(char c) const noexcept {
    switch (at_) {
    case place::column:
    case place::plain:
      if (c == how_.separator)
        return place::column;
      return at_ == place::column && c == how_.quote ? place::quoted : place::plain;
    case place::quoted:
      return c == how_.quote ? place::closed : place::quoted;
    case place::closed:
      if (c == how_.separator)
        return place::column;
      if (c == how_.quote)
        return place::quoted;
      return c == '\r' ? place::line_end : place::broken;
    case place::line_end: // behind "\r" only the line's end may come, which is not added
    case place::broken:
      break;
    }
    return place::broken;
  }

  csv_quoting how_;
  place at_ = place::column;
};

} // namespace weir
