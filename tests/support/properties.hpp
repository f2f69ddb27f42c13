// Properties with a number of cases of their own: RapidCheck's default of 100 is too few for what
// is cheap to try.
#pragma once

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <sstream>

namespace weir::test {

/// Tries `property` on `cases` generated inputs; the test case fails with the smallest input found
/// that breaks it. `RC_PARAMS` in the environment still chooses the seed.
template <class Property>
void holds_for(int cases, Property&& property) {
  auto params = rc::detail::configuration().testParams;
  params.maxSuccess = cases;
  const auto result = rc::detail::checkTestable(std::forward<Property>(property),
                                                rc::detail::TestMetadata(), params);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  INFO(text.str());
  REQUIRE(result.template is<rc::detail::SuccessResult>());
}

/// Generates numbers in [from, until). RapidCheck's own ranges shrink with the size of a case:
/// inside a small container `inRange(0, 4)` is always 0.
template <class Number>
rc::Gen<Number> full_range(Number from, Number until) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, until));
}

/// Any number in [from, until), inside a property.
template <class Number>
Number any(Number from, Number until) {
  return *full_range(from, until);
}

} // namespace weir::test
