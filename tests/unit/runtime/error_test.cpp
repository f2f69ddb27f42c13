// Errors name their code, keep their causes and gain context; expected carries them.
#include <weir/runtime/expected.hpp>

#include <catch2/catch.hpp>

using weir::errc;
using weir::error;

SCENARIO("an error seen from one level up keeps its code and its causes", "[runtime][error]") {
  const auto inner =
      error(errc::io, "disk full", {error(errc::io, "part 1"), error(errc::io, "part 2")});
  const auto outer = error(inner).with("saving batch 7");
  CHECK(outer.code() == errc::io);
  CHECK(outer.message() == "saving batch 7: disk full");
  CHECK(outer.causes().size() == 2);
  THEN("as text each cause has a line of its own") {
    const auto text = outer.to_string();
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK(text.find("part 1") < text.find("part 2"));
  }
}

SCENARIO("an error names the line of the user's call", "[runtime][error]") {
  const auto here = std::source_location::current();
  const auto placed = error(errc::invalid_graph, "no action").at(here);
  CHECK_THAT(placed.message(), Catch::Contains(fmt::format("error_test.cpp:{}", here.line())));
  CHECK_THAT(placed.message(), Catch::Contains("no action"));
}

SCENARIO("every code has a name of its own", "[runtime][error]") {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(errc::internal); ++code)
    names.push_back(weir::to_string(static_cast<errc>(code)));
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  CHECK(names.front() != "");
  CHECK(weir::to_string(errc::out_of_budget) == "out_of_budget");
}

SCENARIO("an expected is a value or the error in its place", "[runtime][expected]") {
  const weir::expected<int> value = 3;
  const weir::expected<int> failed = error(errc::decode, "no number");
  const weir::expected<void> done;
  CHECK(*value == 3);
  CHECK_FALSE(failed);
  CHECK(failed.error().code() == errc::decode);
  CHECK(done);
}
