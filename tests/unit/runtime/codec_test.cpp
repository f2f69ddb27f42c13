// Round trips, fixed bytes, and inputs cut short at every byte.
#include <weir/runtime/codec.hpp>
#include <weir/runtime/time.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using namespace std::chrono_literals;
using weir::decoded;
using weir::encoded;
using weir::errc;

namespace {

enum class colour : std::uint8_t { red, green = 7 };

struct visit {
  std::string page;
  std::int32_t seconds = 0;
  std::optional<double> price;
  std::vector<std::uint16_t> marks;
  friend bool operator==(const visit&, const visit&) = default;
};

/// Decodes what was encoded, refuses every prefix of it, and one byte too many.
template <class T>
void round_trips(const T& value) {
  const auto bytes = encoded(value);
  const auto back = decoded<T>(bytes);
  REQUIRE(back);
  CHECK(*back == value);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = decoded<T>(std::string_view(bytes).substr(0, length));
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == errc::decode);
  }
  CHECK_FALSE(decoded<T>(bytes + "x"));
}

} // namespace

SCENARIO("values survive their bytes, and no prefix of the bytes is taken for a value",
         "[runtime][codec]") {
  round_trips(std::int64_t{-2});
  round_trips(3.5);
  round_trips(true);
  round_trips(colour::green);
  round_trips(std::string("two\0parts", 9));
  round_trips(std::string());
  round_trips(1500ms);
  round_trips(weir::event_time(7ms));
  round_trips(std::pair{std::string("key"), std::int32_t{4}});
  round_trips(std::tuple{std::int8_t{1}, std::string("x"), 2.0F});
  round_trips(std::optional<std::int32_t>(5));
  round_trips(std::optional<std::int32_t>());
  round_trips(std::vector<std::string>{"a", "", "ccc"});
  round_trips(visit{"home", 12, 0.25, {1, 2, 3}});
}

SCENARIO("the bytes of a value are fixed", "[runtime][codec]") {
  CHECK(encoded(std::int32_t{0x01020304}) == "\x04\x03\x02\x01");
  CHECK(encoded(std::string("ab")) == std::string("\x02\0\0\0ab", 6));
  CHECK(encoded(std::string_view("ab")) == encoded(std::string("ab")));
  CHECK(encoded(std::optional<std::uint8_t>(9)) == "\x01\x09");
  CHECK(encoded(std::vector<std::uint8_t>{5, 6}) == std::string("\x02\0\0\0\x05\x06", 6));
  CHECK(encoded(std::pair{std::uint8_t{1}, std::uint8_t{2}}) == "\x01\x02");
}

SCENARIO("a byte that is no truth value is refused", "[runtime][codec]") {
  CHECK_FALSE(decoded<bool>("\x02"));
  CHECK_FALSE(decoded<std::optional<bool>>("\x02\x01"));
  CHECK(decoded<bool>("\x01").value());
}

SCENARIO("a length beyond the input allocates nothing and is refused", "[runtime][codec]") {
  const std::string huge("\xff\xff\xff\xff"
                         "ab",
                         6);
  CHECK_FALSE(decoded<std::string>(huge));
  CHECK_FALSE(decoded<std::vector<std::string>>(huge));
  CHECK_FALSE(decoded<std::vector<std::uint8_t>>(huge));
}

TEST_CASE("any value of a nested type survives its bytes", "[runtime][codec]") {
  using nested = std::pair<std::vector<std::optional<std::string>>, std::tuple<std::int64_t, bool>>;
  rc::prop("decoded(encoded(value)) is the value",
           [](const std::vector<std::string>& texts, std::int64_t n, bool b) {
             nested value;
             for (const auto& text : texts)
               value.first.push_back(text.size() % 3 == 0 ? std::nullopt : std::optional(text));
             value.second = {n, b};
             const auto back = decoded<nested>(encoded(value));
             RC_ASSERT(back.has_value());
             RC_ASSERT(*back == value);
           });
  rc::prop("random bytes never crash a decoder", [](const std::string& bytes) {
    (void)decoded<nested>(bytes);
    (void)decoded<visit>(bytes);
  });
}
