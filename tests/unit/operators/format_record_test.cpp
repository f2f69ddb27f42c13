// Records as lines of text.
#include <weir/operators/action/format_record.hpp>

#include <catch2/catch.hpp>

#include <map>

namespace {

struct visit {
  std::string page;
  int seconds;
};

template <class T>
std::string formatted(const T& value) {
  std::string out;
  weir::format_record(value, out);
  return out;
}

} // namespace

SCENARIO("records are formatted by what they are", "[operators][format_record]") {
  CHECK(formatted(std::string("as it is")) == "as it is");
  CHECK(formatted(std::string_view()).empty());
  CHECK(formatted(7) == "7");
  CHECK(formatted(2.5) == "2.5");
  CHECK(formatted(true) == "true");
  CHECK(formatted(std::pair(std::string("a"), 1)) == "(a,1)");
  CHECK(formatted(std::tuple(1, std::string("b"), 2.5)) == "(1,b,2.5)");
  CHECK(formatted(visit{"home", 3}) == "(home,3)");
  CHECK(formatted(std::optional<int>()) == "null");
  CHECK(formatted(std::optional(5)) == "5");
  CHECK(formatted(std::vector{1, 2, 3}) == "[1, 2, 3]");
  CHECK(formatted(std::vector<int>()) == "[]");
  CHECK(formatted(std::vector{visit{"a", 1}}) == "[(a,1)]");
  CHECK(formatted(std::chrono::milliseconds(5)) == "5");
  CHECK(formatted(std::pair(std::string("k"), std::vector<std::string>{"x"})) == "(k,[x])");
}
