// Lines of CSV to structs and back, and what is refused.
#include <weir/connectors/codec/csv.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <tests/support/properties.hpp>

#include <cmath>
#include <limits>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::csv_options;
using weir::errc;

namespace {

enum class colour : std::uint8_t { red, green = 7 };

struct row {
  std::string name;
  std::int32_t count = 0;
  std::optional<double> price{};
  std::optional<std::string> note{};
  bool sold = false;
  colour paint = colour::red;
  weir::event_time at{};
  friend bool operator==(const row&, const row&) = default;
};
BOOST_DESCRIBE_STRUCT(row, (), (name, count, price, note, sold, paint, at))

/// Fields by position, without names.
struct plain {
  std::string_view word; ///< Of the line; of the parser where something was unquoted.
  std::uint8_t number = 0;
  friend bool operator==(const plain&, const plain&) = default;
};

struct numbers {
  float single = 1;
  double twice = 1;
  friend bool operator==(const numbers&, const numbers&) = default;
};

template <class T>
weir::expected<T> parsed(std::string_view line, csv_options options = {}) {
  weir::csv_parser<T> parser(std::move(options));
  REQUIRE(parser.check());
  T value{};
  auto got = parser.parse(line, value);
  if (!got)
    return std::move(got).error();
  REQUIRE(*got);
  return value;
}

template <class T>
weir::error refused(std::string_view line, csv_options options = {}) {
  const auto got = parsed<T>(line, std::move(options));
  REQUIRE_FALSE(got);
  CHECK(got.error().code() == errc::decode);
  return got.error();
}

} // namespace

SCENARIO("a line becomes a struct, column by column", "[connectors][codec]") {
  CHECK(parsed<row>("tea,3,2.5,hot,true,7,1500").value() ==
        row{"tea", 3, 2.5, "hot", true, colour::green, weir::event_time(1500ms)});
  CHECK(parsed<row>(",-1,,,false,0,0\r\n").value() == row{"", -1, {}, {}, false, colour::red, {}});
  CHECK(parsed<plain>("word,255").value() == plain{"word", 255});
}

SCENARIO("quotes protect separators, quotes and line ends", "[connectors][codec]") {
  CHECK(parsed<plain>("\"a,b\",1")->word == "a,b");
  CHECK(parsed<row>("\"say \"\"a\"\"\",1,,,true,0,0")->name == "say \"a\"");
  CHECK(parsed<plain>("\"two\nlines\",1")->word == "two\nlines");
  CHECK(parsed<row>("\"\"\"\",1,,,true,0,0")->name == "\"");
  CHECK(parsed<row>("x,1,,\"\",true,0,0")->note == "");
  CHECK_THAT(refused<plain>("\"a,1").message(), Contains("column 1 has no closing quote"));
  CHECK_THAT(refused<plain>("\"a\"b,1").message(), Contains("behind its closing quote"));
  CHECK_THAT(refused<plain>("a\"b,1").message(), Contains("in the midst"));
}

SCENARIO("values that do not fit their member are refused, naming the column but not the value",
         "[connectors][codec]") {
  const auto message = refused<row>("tea,3 pounds,,,true,0,0").message();
  CHECK_THAT(message, Contains("'count' is no integer"));
  CHECK_THAT(message, !Contains("pounds"));
  CHECK_THAT(refused<row>("tea,99999999999,,,true,0,0").message(), Contains("out of range"));
  CHECK_THAT(refused<row>("tea,1.5,,,true,0,0").message(), Contains("no integer"));
  CHECK_THAT(refused<row>("tea,,,,true,0,0").message(), Contains("'count'"));
  CHECK_THAT(refused<row>("tea,1,x,,true,0,0").message(), Contains("no number"));
  CHECK_THAT(refused<row>("tea,1,,,yes,0,0").message(), Contains("true nor false"));
  CHECK_THAT(refused<plain>("a,256").message(), Contains("out of range"));
  CHECK_THAT(refused<plain>("a,-1").message(), Contains("no integer"));
  CHECK_THAT(refused<row>("tea,1").message(), Contains("2 columns instead of 7"));
  CHECK_THAT(refused<plain>("a,1,").message(), Contains("3 columns instead of 2"));
}

SCENARIO("a lenient reader fills what is missing with the defaults", "[connectors][codec]") {
  const csv_options lenient{.strict = false};
  CHECK(parsed<row>("tea,,,,", lenient).value() == row{.name = "tea"});
  CHECK(parsed<plain>("a,1,more,columns", lenient).value() == plain{"a", 1});
  CHECK_THAT(refused<row>("tea,x", lenient).message(), Contains("no integer"));
}

SCENARIO("text that is not UTF-8 is refused or repaired", "[connectors][codec]") {
  const auto bad = parsed<plain>("a\xff"
                                 "b,1");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code() == errc::encoding);
  CHECK_THAT(bad.error().message(), Contains("byte 1"));
  weir::csv_parser<plain> parser({.invalid_utf8 = weir::invalid_utf8::replace});
  plain value;
  REQUIRE(parser.parse("a\xff"
                       "b,1",
                       value));
  CHECK(value.word == "a\xEF\xBF\xBD"
                      "b");
}

SCENARIO("a byte order mark of UTF-8 is no part of the first value", "[connectors][codec]") {
  CHECK(parsed<plain>("\xEF\xBB\xBFtea,1").value() == plain{"tea", 1});
  CHECK(parsed<plain>("\xEF\xBB\xBF\"a,b\",1")->word == "a,b");
  weir::csv_parser<row> parser({.skip_header = true});
  row value;
  CHECK_FALSE(parser.parse("\xEF\xBB\xBFname,count,price,note,sold,paint,at", value).value());
  // Text that begins with the character, which is the same bytes, comes back as it was.
  const std::string marked = "\xEF\xBB\xBFtea";
  CHECK(parsed<row>(weir::to_csv(row{.name = marked}))->name == marked);
}

SCENARIO("text in UTF-16 or UTF-32 is named", "[connectors][codec]") {
  using namespace std::string_view_literals;
  for (const auto policy : {weir::invalid_utf8::refuse, weir::invalid_utf8::replace})
    for (const auto& [text, name] : {std::pair{"\xFF\xFEt\0"sv, "UTF-16"sv},
                                     {"\xFE\xFF\0t"sv, "UTF-16"},
                                     {"\xFF\xFE\0\0t\0\0\0"sv, "UTF-32"},
                                     {"\0\0\xFE\xFF\0\0\0t"sv, "UTF-32"}}) {
      const auto read = parsed<plain>(text, {.invalid_utf8 = policy});
      REQUIRE_FALSE(read);
      CHECK(read.error().code() == errc::encoding);
      CHECK_THAT(read.error().message(), Contains(std::string(name)) && Contains("convert"));
    }
}

SCENARIO("a number too small is zero, one too large is refused", "[connectors][codec]") {
  for (const auto* small : {"1e-400", "-1e-400", "0.0000001e-9999999999999999999", "0e99999999999",
                            "123456789e-500", "1e-46", "4.9e-324"})
    CHECK(parsed<numbers>(fmt::format("{},{}", small, small))->single == 0.0F);
  CHECK(parsed<numbers>("1e-46,1e-46")->twice == 1e-46);
  CHECK(std::signbit(parsed<numbers>("0,-1e-400")->twice));
  CHECK(parsed<numbers>("1e-45,5e-324").value() == numbers{1e-45F, 5e-324});
  for (const auto* large : {"1e400", "-1e400", "1e9999999999999999999", "3.41e38"})
    CHECK_THAT(refused<numbers>(fmt::format("{},0", large)).message(), Contains("out of range"));
  CHECK_THAT(refused<numbers>("0,1.8e308").message(), Contains("out of range"));
  CHECK(parsed<numbers>("3.40282347e38,1.7976931348623157e308").value() ==
        numbers{std::numeric_limits<float>::max(), std::numeric_limits<double>::max()});
}

SCENARIO("columns may have another order, and others between them", "[connectors][codec]") {
  const csv_options columns{.separator = ';',
                            .columns = {"count", "ignored", "name", "sold", "paint", "at"},
                            .skip_header = true};
  CHECK(parsed<row>("2;whatever;tea;true;0;0", columns)->name == "tea");
  weir::csv_parser<row> parser(columns);
  row value;
  CHECK_FALSE(parser.parse("count;ignored;name;sold;paint;at", value).value());
  CHECK_FALSE(parser.parse("", value).value());
  CHECK_FALSE(parser.parse("\r\n", value).value());
}

SCENARIO("columns that do not cover the members are refused when the graph starts",
         "[connectors][codec]") {
  const auto why = [](csv_options options) {
    auto ctx = *weir::context::make({.executor = weir::executor_kind::in_line});
    weir::memory_stream(ctx, std::make_shared<weir::memory_log<std::string>>())
        .apply(weir::parse_csv<row>(std::move(options)))
        .for_each_batch([](const auto&) {});
    const auto started = ctx.start();
    REQUIRE_FALSE(started);
    return started.error().to_string();
  };
  CHECK_THAT(why({.columns = {"name"}}), Contains("'count' has 0 columns"));
  CHECK_THAT(why({.columns = {"name", "count", "sold", "paint", "at", "name"}}),
             Contains("'name' has 2 columns"));
  CHECK_THAT(why({.separator = '"'}), Contains("must differ"));
}

TEST_CASE("what is written as CSV is read back", "[connectors][codec]") {
  // Rows of any text and numbers.
  weir::test::holds_for(1'000, [](const std::string& raw, std::int32_t count, double price,
                                  bool sold, std::int64_t at) {
    std::string name;
    weir::append_as_utf8(raw, name);
    const row original{name,
                       count,
                       sold ? std::optional(price) : std::nullopt,
                       sold ? std::optional<std::string>(name) : std::nullopt,
                       sold,
                       colour::green,
                       weir::event_time(std::chrono::milliseconds(at))};
    weir::csv_parser<row> parser;
    row back;
    RC_ASSERT(parser.parse(weir::to_csv(original), back).value());
    RC_ASSERT(back == original);
  });
  // Random bytes never crash the reader.
  weir::test::holds_for(1'000, [](const std::string& bytes) {
    weir::csv_parser<row> parser({.strict = false});
    row value;
    (void)parser.parse(bytes, value);
  });
}

SCENARIO("the header names the columns, where they have names", "[connectors][codec]") {
  CHECK(weir::csv_header<row>() == "name,count,price,note,sold,paint,at");
  CHECK(weir::csv_header<plain>().empty());
  CHECK(weir::to_csv(plain{"a b", 3}) == "a b,3");
  CHECK(weir::to_csv(std::pair{std::string("a,b"), 3}) == "\"a,b\",3");
  CHECK(weir::to_csv(4.5) == "4.5");
}
