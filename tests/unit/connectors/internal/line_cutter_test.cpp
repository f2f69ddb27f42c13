// Bytes in pieces become lines.
#include <weir/connectors/internal/line_cutter.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>
#include <tests/support/properties.hpp>

#include <string>

namespace {

struct line {
  std::string text;
  std::int64_t offset = 0;
  bool too_long = false;
  friend bool operator==(const line&, const line&) = default;
  friend std::ostream& operator<<(std::ostream& out, const line& l) {
    return out << l.offset << (l.too_long ? " too long" : " '" + l.text + "'");
  }
};

/// Feeds `input` in pieces whose sizes come from `sizes`, again and again.
std::vector<line> cut(std::string_view input, std::size_t max, std::vector<std::size_t> sizes,
                      std::optional<weir::csv_quoting> quoting = {}) {
  weir::line_cutter cutter(max);
  cutter.begin(0, quoting);
  std::vector<line> lines;
  const auto take = [&](const weir::cut_line& l) {
    lines.push_back({std::string(l.text), l.offset, l.too_long});
  };
  for (std::size_t i = 0; !input.empty(); ++i) {
    const auto room = cutter.room();
    const auto size = std::min({sizes[i % sizes.size()], input.size(), room.size()});
    std::copy_n(input.data(), size, room.data());
    cutter.added(size);
    input.remove_prefix(size);
    while (const auto l = cutter.next())
      take(*l);
  }
  cutter.finish();
  while (const auto l = cutter.next())
    take(*l);
  return lines;
}

/// How many bytes of `input` are a line by the rules of CSV, without its end, if that has line ends
/// in quotes; nothing where it is none.
std::optional<std::size_t> quoted_line(std::string_view input, std::size_t max,
                                       weir::csv_quoting how) {
  bool breaks = false;
  for (std::size_t at = 0;; ++at) { // a column begins at `at`
    if (at < input.size() && input[at] == how.quote) {
      do { // quoted parts touch where two quotes stand for one
        const auto close = input.find(how.quote, at + 1);
        if (close == std::string_view::npos)
          return std::nullopt;
        breaks |= input.substr(at, close - at).find('\n') != std::string_view::npos;
        at = close + 1;
      } while (at < input.size() && input[at] == how.quote);
      if (input.substr(at) == "\r" || input.substr(at).starts_with("\r\n"))
        ++at;
      if (at < input.size() && input[at] != '\n' && input[at] != how.separator)
        return std::nullopt;
    } else {
      while (at < input.size() && input[at] != '\n' && input[at] != how.separator)
        ++at;
    }
    if (at >= input.size() || input[at] == '\n') {
      const auto length = at - (at > 0 && input[at - 1] == '\r');
      return breaks && length <= max ? std::optional(at) : std::nullopt;
    }
  }
}

std::vector<line> cut_naively(std::string_view input, std::size_t max,
                              std::optional<weir::csv_quoting> quoting = {}) {
  std::vector<line> lines;
  for (std::size_t begin = 0; begin < input.size();) {
    const auto quoted = quoting ? quoted_line(input.substr(begin), max, *quoting) : std::nullopt;
    const auto end = quoted ? begin + *quoted : std::min(input.find('\n', begin), input.size());
    auto text = input.substr(begin, end - begin);
    if (text.ends_with('\r'))
      text.remove_suffix(1);
    const bool too_long = text.size() > max;
    lines.push_back(
        {too_long ? "" : std::string(text), static_cast<std::int64_t>(begin), too_long});
    begin = end + 1;
  }
  return lines;
}

using lines = std::vector<line>;

} // namespace

SCENARIO("lines end with a line feed, which a carriage return may precede",
         "[connectors][line_cutter]") {
  CHECK(cut("one\ntwo\r\n\n\r\nlast", 100, {1}) ==
        lines{{"one", 0}, {"two", 4}, {"", 9}, {"", 10}, {"last", 12}});
  CHECK(cut("", 100, {1}).empty());
  CHECK(cut("one\n", 100, {100}) == lines{{"one", 0}});
  CHECK(cut("a\rb\n", 100, {2}) == lines{{"a\rb", 0}});
}

SCENARIO("a line beyond the limit is named by its place and thrown away",
         "[connectors][line_cutter]") {
  CHECK(cut("1234\r\n12345\n1\n12345", 4, {3}) ==
        lines{{"1234", 0}, {"", 6, true}, {"1", 12}, {"", 14, true}});
  const std::string megabyte(1 << 20, 'x');
  CHECK(cut(megabyte + "\nnext\n", 4, {4096}) == lines{{"", 0, true}, {"next", (1 << 20) + 1}});
  CHECK(cut(megabyte + "\nnext\n", 1 << 20, {65'536}) ==
        lines{{megabyte, 0}, {"next", (1 << 20) + 1}});
}

SCENARIO("by the rules of CSV a line end between quotes is text", "[connectors][line_cutter]") {
  const weir::csv_quoting csv;
  const auto cut_csv = [&](std::string_view input, std::size_t max = 100) {
    return cut(input, max, {3}, csv);
  };
  CHECK(cut_csv("\"a\nb\",1\r\nc,\"d\r\n\"\"\n\"\nlast") ==
        lines{{"\"a\nb\",1", 0}, {"c,\"d\r\n\"\"\n\"", 9}, {"last", 20}});
  // Where quotes do not pair, a line ends where it does elsewhere.
  CHECK(cut_csv("5\" pipe\nnext\n") == lines{{"5\" pipe", 0}, {"next", 8}});
  CHECK(cut_csv("a,\"b\nc\nd\n") == lines{{"a,\"b", 0}, {"c", 5}, {"d", 7}});
  CHECK(cut_csv("\"a\nb\"c\nd\n") == lines{{"\"a", 0}, {"b\"c", 3}, {"d", 7}});
  // So it does where the line would be too long.
  CHECK(cut_csv("\"a\nb\"\n", 4) == lines{{"\"a", 0}, {"b\"", 3}});
  CHECK(cut_csv("\"a\nb\"\n", 5) == lines{{"\"a\nb\"", 0}});
  CHECK(cut_csv("\"aaaaaaaaaa\nb\nc\"\nd\n", 4) ==
        lines{{"", 0, true}, {"b", 12}, {"c\"", 14}, {"d", 17}});
}

SCENARIO("what comes out does not depend on the pieces", "[connectors][line_cutter]") {
  rc::prop("as a cut of the whole input", [] {
    const auto input =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\r\n\n")));
    const auto max = *rc::gen::inRange<std::size_t>(1, 6);
    const auto sizes = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9)));
    RC_ASSERT(cut(input, max, sizes) == cut_naively(input, max));
  });
  weir::test::holds_for(20'000, [] {
    const weir::csv_quoting quoting{.separator = ';', .quote = '\''};
    const auto input =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab;'''\r\n\n")));
    const auto max = weir::test::any<std::size_t>(1, 20);
    const auto sizes = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(weir::test::full_range<std::size_t>(1, 9)));
    RC_ASSERT(cut(input, max, sizes, quoting) == cut_naively(input, max, quoting));
  });
}
