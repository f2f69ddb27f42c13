// Round trips, fixed bytes, and inputs cut short at every byte.
#include <weir/runtime/codec.hpp>
#include <weir/runtime/key_group.hpp>
#include <weir/runtime/time.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <tests/support/properties.hpp>

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

/// A class with private members: it brings its own codec.
class release_number {
public:
  release_number() = default;
  release_number(int major, int minor) : major_(major), minor_(minor) {}
  [[nodiscard]] int major_number() const { return major_; }
  [[nodiscard]] int minor_number() const { return minor_; }
  friend bool operator==(const release_number&, const release_number&) = default;

private:
  int major_ = 0, minor_ = 0;
};

struct release {
  std::string name;
  release_number number;
  friend bool operator==(const release&, const release&) = default;
};

struct tree {
  std::int32_t id = 0;
  std::vector<tree> children;
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

template <>
struct weir::codec<release_number> {
  static void encode(const release_number& v, std::string& out) {
    out += static_cast<char>(v.major_number());
    out += static_cast<char>(v.minor_number());
  }
  static expected<release_number> decode(std::string_view& in) {
    if (in.size() < 2)
      return error(errc::decode, "a version has two bytes");
    const release_number v(in[0], in[1]);
    in.remove_prefix(2);
    return v;
  }
};

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
  round_trips(std::array<std::string, 3>{"a", "", "ccc"});
  round_trips(std::set<std::int32_t>{3, 1, 2});
  round_trips(std::map<std::string, std::vector<bool>>{{"b", {true}}, {"a", {}}});
  round_trips(std::unordered_set<std::string>{"x", "yy", ""});
  round_trips(std::unordered_map<std::int32_t, std::string>{{7, "seven"}, {-1, "less"}});
  using either = std::variant<std::monostate, std::string, std::pair<std::int32_t, bool>>;
  round_trips(either());
  round_trips(either("text"));
  round_trips(either(std::pair{5, true}));
  round_trips(std::vector<either>{either("a"), either(), either(std::pair{1, false})});
}

SCENARIO("a class of the user brings its own codec, also inside of other values",
         "[runtime][codec]") {
  round_trips(release_number(1, 2));
  round_trips(release{"first", release_number(1, 2)});
  round_trips(std::map<std::string, release_number>{{"a", {1, 0}}, {"b", {2, 7}}});
  CHECK(encoded(release{"x", release_number(1, 2)}) == std::string("\1\0\0\0x\1\2", 7));
}

SCENARIO("equal values have equal bytes and hashes", "[runtime][codec]") {
  CHECK(encoded(-0.0) == encoded(0.0));
  using key = std::tuple<std::string, double, std::vector<float>>;
  const key one("a", 0.0, {0.0F, 1.0F});
  const key other("a", -0.0, {-0.0F, 1.0F});
  REQUIRE(one == other);
  CHECK(weir::key_hash<key>{}(one) == weir::key_hash<key>{}(other));
  CHECK(weir::key_hash<double>{}(-0.0) == weir::key_hash<double>{}(0.0));

  std::unordered_map<std::int32_t, std::int32_t> up;
  std::unordered_map<std::int32_t, std::int32_t> down(1000);
  for (int i = 0; i < 50; ++i) {
    up[i] = i;
    down[49 - i] = 49 - i;
  }
  CHECK(encoded(up) == encoded(down));
}

SCENARIO("what must be unique is refused when it comes twice", "[runtime][codec]") {
  CHECK_FALSE(decoded<std::set<std::uint8_t>>(std::string("\2\0\0\0\5\5", 6)));
  using table = std::unordered_map<std::uint8_t, std::uint8_t>;
  CHECK(decoded<table>(std::string("\2\0\0\0\5\1\6\1", 8)));
  CHECK_FALSE(decoded<table>(std::string("\2\0\0\0\5\1\5\2", 8)));
}

SCENARIO("an alternative that a variant does not have is refused", "[runtime][codec]") {
  using either = std::variant<bool, std::string>;
  CHECK_FALSE(decoded<either>("\2\1"));
  CHECK_FALSE(decoded<either>("\xff\1"));
}

SCENARIO("values nested too deep are refused before they exhaust the stack", "[runtime][codec]") {
  const auto nested = [](int depth) {
    tree root;
    for (int i = 1; i < depth; ++i) {
      tree above;
      above.children.push_back(std::move(root));
      root = std::move(above);
    }
    return encoded(root);
  };
  CHECK(decoded<tree>(nested(64)));
  const auto refused = decoded<tree>(nested(65));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::decode);
  std::string endless;
  for (int i = 0; i < 100'000; ++i)
    endless += std::string("\1\0\0\0\1\0\0\0", 8);
  CHECK_FALSE(decoded<tree>(endless));
  CHECK(decoded<tree>(nested(64))); // what was refused leaves nothing behind
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
  // Decoded(encoded(value)) is the value.
  weir::test::holds_for(1'000, [](const std::vector<std::string>& texts, std::int64_t n, bool b) {
    nested value;
    for (const auto& text : texts)
      value.first.push_back(text.size() % 3 == 0 ? std::nullopt : std::optional(text));
    value.second = {n, b};
    const auto back = decoded<nested>(encoded(value));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == value);
  });
  // So is any container.
  weir::test::holds_for(1'000, [](const std::map<std::string, std::vector<int>>& ordered,
                                  const std::set<int>& numbers, bool which) {
    using value = std::tuple<std::map<std::string, std::vector<int>>, std::unordered_set<int>,
                             std::variant<std::set<int>, std::int64_t>>;
    const value original{ordered,
                         {numbers.begin(), numbers.end()},
                         which ? std::variant<std::set<int>, std::int64_t>(numbers)
                               : std::variant<std::set<int>, std::int64_t>(std::int64_t{7})};
    const auto back = decoded<value>(encoded(original));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == original);
  });
  // Random bytes never crash a decoder.
  weir::test::holds_for(1'000, [](const std::string& bytes) {
    (void)decoded<nested>(bytes);
    (void)decoded<visit>(bytes);
  });
}
