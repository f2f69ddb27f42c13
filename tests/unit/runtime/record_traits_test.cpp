// Which types own their bytes, what their owning twin is, and how they move into an arena.
#include <weir/runtime/record_traits.hpp>

#include <catch2/catch.hpp>

using weir::owned_t;
using weir::record_traits;
using weir::self_contained;

namespace {

struct plain {
  int id;
  std::string text;
};
struct with_view {
  int id;
  std::string_view text;
};
class closed_class {
public:
  closed_class() : value_(1) {}

private:
  [[maybe_unused]] int value_;
};
class opted_in {
public:
  opted_in() : value_(1) {}

private:
  [[maybe_unused]] int value_;
};

} // namespace

template <>
struct weir::record_traits<opted_in> : weir::owning_record_traits<opted_in> {};

SCENARIO("views are found wherever they hide", "[runtime][record_traits]") {
  STATIC_REQUIRE(self_contained<int>);
  STATIC_REQUIRE(self_contained<std::string>);
  STATIC_REQUIRE(self_contained<plain>);
  STATIC_REQUIRE(self_contained<std::pair<int, std::string>>);
  STATIC_REQUIRE(self_contained<std::vector<plain>>);
  STATIC_REQUIRE(self_contained<std::chrono::milliseconds>);
  STATIC_REQUIRE(self_contained<std::variant<int, std::string>>);
  STATIC_REQUIRE_FALSE(self_contained<std::string_view>);
  STATIC_REQUIRE_FALSE(self_contained<const char*>);
  STATIC_REQUIRE_FALSE(self_contained<with_view>);
  STATIC_REQUIRE_FALSE(self_contained<std::optional<with_view>>);
  STATIC_REQUIRE_FALSE(self_contained<std::vector<std::string_view>>);
  STATIC_REQUIRE_FALSE(self_contained<std::tuple<int, std::pair<std::string_view, int>>>);
}

SCENARIO("a class with private members is a view until its author opts in",
         "[runtime][record_traits]") {
  STATIC_REQUIRE_FALSE(self_contained<closed_class>);
  STATIC_REQUIRE(self_contained<opted_in>);
}

SCENARIO("the owning twin of a view outlives the bytes it was made from",
         "[runtime][record_traits]") {
  using viewed = std::pair<std::string_view, std::optional<std::string_view>>;
  STATIC_REQUIRE(
      std::is_same_v<owned_t<viewed>, std::pair<std::string, std::optional<std::string>>>);
  STATIC_REQUIRE(std::is_same_v<owned_t<plain>, plain>);
  std::string bytes = "some text";
  const auto owned =
      record_traits<viewed>::to_owned({std::string_view(bytes), std::string_view(bytes).substr(5)});
  bytes = "overwritten";
  CHECK(owned.first == "some text");
  CHECK(owned.second == "text");
}

SCENARIO("relocating copies the viewed bytes into the arena", "[runtime][record_traits]") {
  using viewed = std::tuple<std::string_view, int, std::optional<std::string_view>>;
  weir::arena bytes;
  std::string source = "abc";
  const auto moved = record_traits<viewed>::relocate({source, 7, std::nullopt}, bytes);
  source = "xyz";
  CHECK(moved == viewed{"abc", 7, std::nullopt});
}

SCENARIO("a record is charged for what it holds beyond itself", "[runtime][record_traits]") {
  CHECK(weir::charge_of(5) == sizeof(int));
  CHECK(weir::charge_of(std::string("short")) == sizeof(std::string));
  CHECK(weir::charge_of(std::string(100, 'x')) >= sizeof(std::string) + 100);
  CHECK(weir::charge_of(std::vector<int>{1, 2, 3}) == sizeof(std::vector<int>) + 3 * sizeof(int));
  CHECK(weir::charge_of(std::optional(std::string(100, 'x'))) >= 100);
}
