// UTF-8 and the writer of JSON.
#include <weir/operators/action/format_json.hpp>
#include <weir/runtime/utf8.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <map>

using namespace std::chrono_literals;

namespace {

struct point {
  int x = 0;
  std::optional<double> y;
};
BOOST_DESCRIBE_STRUCT(point, (), (x, y))

struct named : point {
  std::string name;
  std::vector<std::string> tags;
  std::map<std::string, int> counts;
};
BOOST_DESCRIBE_STRUCT(named, (point), (name, tags, counts))

} // namespace

SCENARIO("valid UTF-8 is what the Unicode standard says it is", "[runtime][utf8]") {
  for (const auto* good :
       {"", "plain ASCII of more than eight bytes", "gr\xC3\xBC\xC3\x9F", "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF", "12345678\xC2\xA0"})
    CHECK(weir::is_utf8(good));
  for (const auto* bad :
       {"\x80", "\xC0\xAF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xF4\x90\x80\x80",
        "\xF0\x8F\xBF\xBF", "\xF5\x80\x80\x80", "12345678\xFF"})
    CHECK_FALSE(weir::is_utf8(bad));
  CHECK(weir::valid_utf8_prefix("abc\xFFxyz") == 3);
}

SCENARIO("bytes that are no character become U+FFFD", "[runtime][utf8]") {
  std::string out = "kept ";
  weir::append_as_utf8("a\xE2\x82z\xFF", out);
  CHECK(out == "kept a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD");
  CHECK(weir::is_utf8(out));
}

SCENARIO("values are written as JSON", "[operators][json]") {
  using weir::to_json;
  CHECK(to_json(true) == "true");
  CHECK(to_json(std::int8_t{-5}) == "-5");
  CHECK(to_json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(to_json(0.1) == "0.1");
  CHECK(to_json(1e300) == "1e+300");
  CHECK(to_json(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(to_json(-std::numeric_limits<double>::infinity()) == "null");
  CHECK(to_json(std::string("a\"b\\c\n\x01")) == R"("a\"b\\c\n\u0001")");
  CHECK(to_json(std::string_view("gr\xC3\xBC\xFF")) == "\"gr\xC3\xBC\xEF\xBF\xBD\"");
  CHECK(to_json(std::string(2000, 'x')).size() == 2002);
  CHECK(to_json(1500ms) == "1500");
  CHECK(to_json(std::optional<int>()) == "null");
  CHECK(to_json(std::pair{std::string("k"), 3}) == R"(["k",3])");
  CHECK(to_json(std::vector<std::optional<int>>{1, {}}) == "[1,null]");
  CHECK(to_json(std::map<std::string, int>{{"a", 1}, {"b", 2}}) == R"({"a":1,"b":2})");
  CHECK(to_json(point{1, 2.5}) == R"({"x":1,"y":2.5})");
  named n;
  n.x = 4;
  n.name = "n";
  n.tags = {"t"};
  n.counts = {{"c", 1}};
  CHECK(to_json(n) == R"({"x":4,"y":null,"name":"n","tags":["t"],"counts":{"c":1}})");
}
