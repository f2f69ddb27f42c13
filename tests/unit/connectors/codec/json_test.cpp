// JSON documents to structs, and what is refused.
#include <weir/connectors/codec/csv.hpp>
#include <weir/connectors/codec/json.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <tests/support/jobs.hpp>
#include <tests/support/properties.hpp>

#include <bit>
#include <cmath>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::errc;
using weir::json_options;

namespace {

enum class kind : std::uint8_t { view, click = 3 };

struct place {
  std::string city;
  std::optional<double> height{};
  friend bool operator==(const place&, const place&) = default;
};
BOOST_DESCRIBE_STRUCT(place, (), (city, height))

struct event {
  std::string name;
  std::int32_t count = 0;
  std::uint64_t id = 0;
  double price = 0;
  bool sold = false;
  kind what = kind::view;
  weir::event_time at{};
  std::optional<std::string> note{};
  std::vector<std::int64_t> marks{};
  std::map<std::string, place> places{};
  friend bool operator==(const event&, const event&) = default;
};
BOOST_DESCRIBE_STRUCT(event, (), (name, count, id, price, sold, what, at, note, marks, places))

/// The fields of most tests.
struct pair {
  std::string_view word;
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(pair, (), (word, number))

struct measure {
  std::optional<double> value{};
};
BOOST_DESCRIBE_STRUCT(measure, (), (value))

struct floats {
  float single = 0;
  double twice = 0;
  friend bool operator==(const floats&, const floats&) = default;
};
BOOST_DESCRIBE_STRUCT(floats, (), (single, twice))

const json_options lenient{.strict = false};

template <class T>
weir::expected<bool> parse(std::string_view text, T& into, json_options options = {}) {
  static std::map<int, weir::json_parser<T>> parsers; // one for many documents, as in a job: views
                                                      // of a document live until the next one
  const int kind = options.strict + 2 * options.skip_unknown +
                   4 * (options.invalid_utf8 == weir::invalid_utf8::replace);
  return parsers.try_emplace(kind, options).first->second.parse(text, into);
}

template <class T>
std::string refused(std::string_view text, json_options options = {}, errc code = errc::decode) {
  T value{};
  const auto got = parse(text, value, options);
  INFO(text);
  REQUIRE_FALSE(got);
  CHECK(got.error().code() == code);
  return got.error().message();
}

std::string nested(int depth) {
  return R"({"word":"w","number":1,"more":)" + std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']') + "}";
}

} // namespace

SCENARIO("a document becomes a struct", "[connectors][json]") {
  event e;
  REQUIRE(
      parse(R"( {"name": "t\u00e9a \"x\"", "count": -7, "id": 18446744073709551615, "price": 1e-3,
                     "sold": true, "what": 3, "at": 1500, "note": null, "marks": [1, 2,3 ],
                     "places": {"a": {"city": "A", "height": 2}, "b": {"city": ""}},
                     "unknown": {"x": [1, "two", null, {"y": false}]}} )",
            e));
  CHECK(e == event{"t\xC3\xA9"
                   "a \"x\"",
                   -7,
                   18446744073709551615U,
                   1e-3,
                   true,
                   kind::click,
                   weir::event_time(1500ms),
                   {},
                   {1, 2, 3},
                   {{"a", {"A", 2.0}}, {"b", {"", {}}}}});
}

SCENARIO("keys may come in any order and in escapes", "[connectors][json]") {
  pair p;
  REQUIRE(parse(R"({"number":5,"\u0077ord":"w"})", p));
  CHECK(p.word == "w");
  CHECK(p.number == 5);
}

SCENARIO("text without escapes is seen where it lies, and with them all the same",
         "[connectors][json]") {
  pair p;
  REQUIRE(parse(R"({"word" : "plain"  , "number":1})", p));
  CHECK(p.word == "plain");
  REQUIRE(parse(R"({"word":"","number":1})", p));
  CHECK(p.word.empty());
  REQUIRE(parse(R"({"word":"a\\","number":1})", p));
  CHECK(p.word == "a\\");
  REQUIRE(parse(R"({"word":"\ud83d\ude00","number":1})", p));
  CHECK(p.word == "\xF0\x9F\x98\x80");
}

SCENARIO("malformed documents are refused", "[connectors][json]") {
  for (const auto* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "{}x",
                           "{\"word\"}",
                           "{\"word\":}",
                           "{\"word\":\"w\" \"number\":1}",
                           "{\"word\":\"w\",\"number\":1,}",
                           "{\"word\":\"w\",\"number\":1}}",
                           "{\"word\":\"w\",\"number\":1} {}",
                           "{\"word\":\"w\",\"number\":1",
                           "{\"word\":\"w,\"number\":1}",
                           "{word:\"w\",\"number\":1}",
                           "{\"word\":\"w\",\"number\":01}",
                           "{\"word\":\"w\",\"number\":+1}",
                           "{\"word\":\"w\",\"number\":1.}",
                           "{\"word\":\"w\",\"number\":0x1}",
                           "{\"word\":\"w\",\"number\":--1}",
                           "{\"word\":\"w\",\"number\":1e}",
                           "{\"word\":\"\\x\",\"number\":1}",
                           "{\"word\":\"\\ud83d\",\"number\":1}",
                           "{\"word\":\"a\nb\",\"number\":1}",
                           "5",
                           "\"word\"",
                           "null",
                           "[1,2]"})
    (void)refused<pair>(text);
}

SCENARIO("a document that is no object is called what it is", "[connectors][json]") {
  const std::string nul(1, '\0');
  const std::vector<std::pair<std::string, std::string>> others = {
      {"", "the document is empty"},
      {" \t\r\n", "the document is blank"},
      {"null", "the document is null, but must be an object or an array"},
      {" true ", "the document is true"},
      {"\nfalse", "the document is false"},
      {"NaN", "the document is NaN"},
      {"-1.5e3", "the document is a number"},
      {"0", "the document is a number"},
      {"\"a text\"", "the document is a text"},
      {"nul", "malformed JSON: it begins with 'n'"},
      {"}", "malformed JSON: it begins with '}'"},
      {"\x02{}", "malformed JSON: it begins with the byte 0x02"},
      {nul, "the document begins with 1 NUL bytes"},
      {nul + nul + nul, "the document begins with 3 NUL bytes"},
      {nul + R"({"word":"w","number":1})", "the document begins with 1 NUL bytes"},
      {nul + nul + nul + "\x01\x02" + R"({"word":"w","number":1})",
       "the framing of a schema registry (schema 258); cut its 5 bytes off"},
  };
  for (const auto& [text, said] : others)
    for (const bool strict : {true, false}) {
      const auto message = refused<pair>(text, {.strict = strict});
      CHECK_THAT(message, Contains(said));
      CHECK_THAT(message, !Contains("get_") && !Contains("simdjson"));
    }
  CHECK_THAT(refused<pair>("[1,2]"), Contains("is no object"));
}

SCENARIO("what no member wants must be well-formed all the same", "[connectors][json]") {
  const auto with = [](std::string_view more) {
    return fmt::format(R"({{"word":"w","number":1,"more":{}}})", more);
  };
  pair p;
  for (const auto* good : {"true", "null", "-0.5e+7", "\"\\n\\u00e9\"", "[]", "{}",
                           "[[{\"a\":[1]}]]", "{\"a\":1,\"b\":{\"a\":2}}", "9223372036854775807"})
    CHECK(parse(with(good), p));
  for (const auto* bad : {"tru", "nul", "01", "1.e3", "-", "\"\\q\"", "[1,]", "[1 2]", "{\"a\":1,}",
                          "{\"a\" 1}", "[}", "{]", "undefined", "NaN", "9223372036854775808",
                          "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}"})
    (void)refused<pair>(with(bad));
}

SCENARIO("what no member wants can be skipped, with all that follows the last member",
         "[connectors][json]") {
  const json_options skipping{.skip_unknown = true};
  pair p;
  for (const auto* good :
       {R"({"word":"w","number":1})", R"({"a":1,"word":"w","a":{"b":[1,{"c":2}]},"number":1})",
        R"({"number":1,"word":"w","number":"twice"})", R"({"word":"w","number":1,"more":tru} x)"}) {
    p = {};
    CHECK(parse(good, p, skipping));
    CHECK(p.word == "w");
    CHECK(p.number == 1);
  }
  CHECK_THAT(refused<pair>(R"({"word":"w","word":"v","number":1})", skipping),
             Contains("is there twice"));
  CHECK_THAT(refused<pair>(R"({"word":"w","more":1})", skipping), Contains("is missing"));
  CHECK_THAT(refused<pair>(R"({"word":1,"number":1})", skipping), Contains("is no text"));
  (void)refused<pair>("{\"word\":\"w\",\"number\":1,\"more\":\"open", skipping);

  std::vector<pair> pairs; // objects inside are left early, too
  REQUIRE(parse(R"([{"word":"a","number":1,"x":{"y":[]}},{"word":"b","number":2,"x":0}])", pairs,
                skipping));
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[1].word == "b");
  CHECK(pairs[1].number == 2);
}

SCENARIO("values that do not fit their member are refused, naming it but not the value",
         "[connectors][json]") {
  const auto message = refused<pair>(R"({"word":"w","number":"secret"})");
  CHECK_THAT(message, Contains("member 'number': is no integer") && !Contains("secret"));
  CHECK_THAT(refused<pair>(R"({"word":5,"number":1})"), Contains("member 'word': is no text"));
  CHECK_THAT(refused<pair>(R"({"word":"w","number":1.5})"), Contains("no integer"));
  CHECK_THAT(refused<pair>(R"({"word":"w","number":null})"), Contains("no integer"));
  CHECK_THAT(refused<pair>(R"({"word":"w"})"), Contains("member 'number': is missing"));
  CHECK_THAT(refused<pair>(R"({"number":1,"word":["w"]})"), Contains("no text"));
  CHECK_THAT(refused<event>(R"({"count":2147483648})"), Contains("out of range"));
  CHECK_THAT(refused<event>(R"({"id":-1})"), Contains("out of range"));
  CHECK_THAT(refused<event>(R"({"sold":1})"), Contains("true nor false"));
  CHECK_THAT(refused<event>(R"({"what":256})"), Contains("out of range"));
  CHECK_THAT(refused<event>(R"({"price":1e999})"), Contains("out of range"));
  CHECK_THAT(refused<event>(R"({"marks":[1,"x"]})"), Contains("member 'marks': is no integer"));
  CHECK_THAT(refused<event>(R"({"places":{"a":{"city":1}}})"),
             Contains("member 'places': member 'city': is no text"));
}

SCENARIO("a byte order mark of UTF-8 is passed over, other encodings are named",
         "[connectors][json]") {
  using namespace std::string_view_literals;
  pair p;
  REQUIRE(parse("\xEF\xBB\xBF{\"word\":\"w\",\"number\":1}", p));
  CHECK(p.word == "w");
  CHECK_THAT(refused<pair>("\xEF\xBB\xBF\xEF\xBB\xBF{}", {}, errc::encoding),
             Contains("two byte order marks"));
  for (const auto policy : {weir::invalid_utf8::refuse, weir::invalid_utf8::replace})
    for (const auto& [text, name] : {std::pair{"\xFF\xFE{\0}\0"sv, "UTF-16"sv},
                                     {"\xFE\xFF\0{\0}"sv, "UTF-16"},
                                     {"{\0}\0"sv, "UTF-16"},
                                     {"\0{\0}"sv, "UTF-16"},
                                     {"\xFF\xFE\0\0{\0\0\0}\0\0\0"sv, "UTF-32"},
                                     {"\0\0\xFE\xFF\0\0\0{\0\0\0}"sv, "UTF-32"}})
      CHECK_THAT(refused<pair>(text, {.invalid_utf8 = policy}, errc::encoding),
                 Contains(std::string(name)) && Contains("convert"));
}

SCENARIO("half of a surrogate pair is refused, or becomes U+FFFD", "[connectors][json]") {
  const json_options replace{.invalid_utf8 = weir::invalid_utf8::replace};
  const std::string mark = "\xEF\xBF\xBD";
  for (const auto& [escaped, text] : {std::pair<std::string, std::string>{R"(\ud83d)", mark},
                                      {R"(\uDE00)", mark},
                                      {R"(a\ud83db)", "a" + mark + "b"},
                                      {R"(\ud83d\ud83d\ude00)", mark + "\xF0\x9F\x98\x80"},
                                      {R"(\ude00\ud83d)", mark + mark},
                                      {R"(\ud83d\n)", mark + "\n"},
                                      {R"(\ud83d\u0041)", mark + "A"},
                                      {R"(\\ud83d\ud83d)", "\\ud83d" + mark},
                                      {R"(\ud83d\ude00\\)", "\xF0\x9F\x98\x80\\"},
                                      {R"(\"\ud83d\")", "\"" + mark + "\""}}) {
    INFO(escaped);
    pair p;
    REQUIRE(parse(fmt::format(R"({{"word":"{}","number":1}})", escaped), p, replace));
    CHECK(p.word == text);
    std::map<std::string, int> by_key;
    REQUIRE(parse(fmt::format(R"({{"{}":1}})", escaped), by_key, replace));
    CHECK(by_key == std::map<std::string, int>{{text, 1}});
    CHECK(parse(fmt::format(R"({{"word":"w","x":["{0}",{{"{0}":1}}],"number":1}})", escaped), p,
                replace));
  }
  CHECK_THAT(refused<pair>(R"({"word":"\ud83dx","number":1})"),
             Contains("member 'word'") && Contains("surrogate") && Contains("invalid_utf8"));
  CHECK_THAT(refused<pair>(R"({"\ude00":0,"word":"w","number":1})"), Contains("surrogate"));
}

SCENARIO("floating-point numbers have the same bounds as in CSV", "[connectors][json]") {
  const auto same = [](const std::string& text) {
    INFO(text);
    floats from_json;
    floats from_csv;
    const auto read = parse(fmt::format(R"({{"single":{0},"twice":{0}}})", text), from_json);
    weir::csv_parser<floats> csv;
    const auto also = csv.parse(fmt::format("{0},{0}", text), from_csv);
    CHECK(read.has_value() == also.has_value());
    if (read)
      CHECK(from_json == from_csv);
  };
  for (const auto* text :
       {"1e-400", "-1e-400", "1e-46", "1e-45", "1.4e-45", "7.0e-46", "3.4028234e38",
        "3.40282351e38", "3.4028236e38", "3.41e38", "1e400", "-1e400", "1.7976931348623158e308",
        "1e-99999999999", "1e99999999999", "0e99999999999", "1.00000017881393432617187499", "0.5"})
    same(text);
  weir::test::holds_for(2'000, [&](std::uint32_t bits, std::uint64_t more) {
    const auto one = std::bit_cast<float>(bits);
    const auto two = std::bit_cast<double>(more);
    for (const auto value : {static_cast<double>(one), two})
      if (std::isfinite(value) && fmt::format("{}", value).find_first_of(".e") != std::string::npos)
        same(fmt::format("{}", value));
  });
}

SCENARIO("a key that comes twice is refused, or the last one counts", "[connectors][json]") {
  pair p;
  const auto* twice = R"({"word":"a","number":1,"word":"b"})";
  CHECK_THAT(refused<pair>(twice), Contains("member 'word': is there twice"));
  REQUIRE(parse(twice, p, lenient));
  CHECK(p.word == "b");
  (void)refused<pair>(R"({"word":"a","number":1,"x":1,"x":1})");
  CHECK(parse(R"({"word":"a","number":1,"x":1,"x":1})", p, lenient));
  const auto* places = R"({"places":{"a":{"city":"1","height":1},"a":{"city":"2"}}})";
  (void)refused<event>(places);
  event e;
  REQUIRE(parse(places, e, lenient));
  CHECK(e.places.at("a") == place{"2", {}});
  std::string many = R"({"word":"a","number":1)";
  for (int i = 0; i < 200; ++i)
    many += fmt::format(R"(,"k{}":1)", i);
  CHECK(parse(many + "}", p));
  (void)refused<pair>(many + R"(,"k77":1})");
  (void)refused<pair>(many + R"(,"k3":1})");
}

SCENARIO("integers beyond 64 bits are refused, or read as floating-point numbers",
         "[connectors][json]") {
  measure m;
  const auto* large = R"({"value":12345678901234567890123})";
  CHECK_THAT(refused<measure>(large), Contains("beyond 64 bits"));
  REQUIRE(parse(large, m, lenient));
  CHECK(m.value == Approx(1.2345678901234568e22));
  CHECK_THAT(refused<pair>(R"({"word":"w","number":9223372036854775808})"),
             Contains("beyond 64 bits"));
  pair p;
  REQUIRE(parse(R"({"word":"w","number":-9223372036854775808})", p));
  CHECK(p.number == std::numeric_limits<std::int64_t>::min());
}

SCENARIO("integers of every length are read, and no digit may be another character",
         "[connectors][json]") {
  pair p;
  std::string digits;
  for (int length = 1; length <= 18; ++length) {
    digits += static_cast<char>('0' + (length * 7 + 2) % 10);
    for (const auto& text : {digits, "-" + digits}) {
      REQUIRE(parse(fmt::format(R"({{"word":"","number":{}}})", text), p));
      CHECK(p.number == std::stoll(text));
    }
    for (std::size_t at = 1; at < digits.size(); ++at)
      for (const char other : {'/', ':', 'A', '_', '\x7f'}) {
        auto wrong = digits;
        wrong[at] = other;
        CHECK_FALSE(parse(fmt::format(R"({{"word":"","number":{}}})", wrong), p));
      }
  }
}

SCENARIO("NaN and infinity are refused, or read as null", "[connectors][json]") {
  measure m;
  for (const auto* word : {"NaN", "Infinity", "-Infinity"}) {
    const auto text = fmt::format(R"({{"value":{}}})", word);
    (void)refused<measure>(text);
    m.value = 1;
    REQUIRE(parse(text, m, lenient));
    CHECK_FALSE(m.value);
  }
}

SCENARIO("a lenient reader leaves members without a value as they are", "[connectors][json]") {
  event e;
  REQUIRE(parse(R"({"name":null,"count":2})", e, lenient));
  CHECK(e == event{.name = "", .count = 2});
  CHECK_THAT(refused<event>(R"({"count":"2"})", lenient), Contains("no integer"));
  (void)refused<event>(R"({"count":2)", lenient);
}

SCENARIO("documents deeper than 64 levels are refused", "[connectors][json]") {
  pair p;
  CHECK(parse(nested(63), p));
  CHECK_THAT(refused<pair>(nested(64)), Contains("64 levels"));
  CHECK_THAT(refused<pair>(nested(100'000)), Contains("64 levels"));
}

SCENARIO("documents that are not UTF-8 are refused or repaired", "[connectors][json]") {
  const auto* text = "{\"word\":\"a\xff\",\"number\":1}";
  (void)refused<pair>(text, {}, errc::encoding);
  pair p;
  weir::json_parser<pair> repairing({.invalid_utf8 = weir::invalid_utf8::replace});
  REQUIRE(repairing.parse(text, p));
  CHECK(p.word == "a\xEF\xBF\xBD");
}

SCENARIO("a parser goes on behind documents that it refused and sizes that it grows to",
         "[connectors][json]") {
  weir::json_parser<pair> parser;
  for (std::size_t size = 1; size < 200'000; size *= 3) {
    pair p;
    CHECK_FALSE(parser.parse("{\"word\":", p));
    const std::string word(size, 'x');
    REQUIRE(parser.parse(fmt::format(R"({{"word":"{}","number":{}}})", word, size), p));
    CHECK(p.word == word);
  }
}

TEST_CASE("what is written as JSON is read back", "[connectors][json]") {
  // Events of any text and numbers.
  weir::test::holds_for(1'000, [](const std::string& raw, std::int32_t count, std::uint64_t id,
                                  double price, bool sold, const std::vector<std::int64_t>& marks) {
    std::string name;
    weir::append_as_utf8(raw, name);
    event original{name, count, id, price, sold, kind::click, weir::event_time(7ms)};
    original.marks = marks;
    original.places[name] = {name, price};
    if (sold)
      original.note = name;
    event back;
    const auto got = parse(weir::to_json(original), back);
    RC_ASSERT(got.has_value());
    RC_ASSERT(back == original);
  });
  // Random bytes never crash the reader.
  weir::test::holds_for(1'000, [](const std::string& bytes) {
    event e;
    (void)parse(bytes, e);
    (void)parse("{\"name\":" + bytes + "}", e, lenient);
  });
  // Neither do damaged documents.
  weir::test::holds_for(1'000, [](std::size_t where, char with) {
    auto text =
        weir::to_json(event{"name", 1, 2, 3.5, true, kind::view, {}, "note", {1, 2}, {{"a", {}}}});
    text[where % text.size()] = with;
    event e;
    (void)parse(text, e);
    (void)parse(std::string_view(text).substr(0, where % text.size()), e);
  });
}

SCENARIO("the step copies its views where the stage hands its records on", "[connectors][json]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  std::vector<std::string> documents;
  for (int i = 0; i < 100; ++i)
    documents.push_back(fmt::format(R"({{"word":"word number \u0030{}","number":{}}})", i, i));
  const auto rows = weir::test::rows_of<std::string>(how, {{documents, {}}}, [](auto in) {
    return in.apply(weir::parse_json<pair>())
        .share() // the views must outlive the stage that made them
        .map([](const pair& p) { return std::pair(p.number, std::string(p.word)); });
  });
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].size() == 100);
  for (int i = 0; i < 100; ++i)
    CHECK(rows[0][static_cast<std::size_t>(i)] ==
          std::pair(std::int64_t{i}, fmt::format("word number 0{}", i)));
}
