// Bytes in pieces become lines.
#include <weir/connectors/internal/line_cutter.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <rapidcheck/catch.h>

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
std::vector<line> cut(std::string_view input, std::size_t max, std::vector<std::size_t> sizes) {
  weir::line_cutter cutter(max);
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
  if (const auto l = cutter.last())
    take(*l);
  return lines;
}

std::vector<line> cut_naively(std::string_view input, std::size_t max) {
  std::vector<line> lines;
  for (std::size_t begin = 0; begin < input.size();) {
    const auto end = std::min(input.find('\n', begin), input.size());
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

SCENARIO("what comes out does not depend on the pieces", "[connectors][line_cutter]") {
  rc::prop("as a cut of the whole input", [] {
    const auto input =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\r\n\n")));
    const auto max = *rc::gen::inRange<std::size_t>(1, 6);
    const auto sizes = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 9)));
    RC_ASSERT(cut(input, max, sizes) == cut_naively(input, max));
  });
}
