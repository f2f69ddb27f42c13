// Shares of one number of bytes.
#include <weir/runtime/memory_budget.hpp>

#include <catch2/catch.hpp>

using weir::memory_budget;

SCENARIO("the shares of a budget add up to it", "[runtime][memory_budget]") {
  for (const std::size_t total :
       {std::size_t{8} << 20, std::size_t{512} << 20, std::size_t{100'000'007}}) {
    const auto shares = memory_budget::carve(total);
    CHECK(shares.sources + shares.edges + shares.retained == total);
    CHECK(shares.edges > 0);
  }
}

SCENARIO("a full account refuses with the operator's name and stays as it was",
         "[runtime][memory_budget]") {
  weir::retained_share account("group_by_key", 100);
  REQUIRE(account.take(60));
  const auto refused = account.take(41);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == weir::errc::out_of_budget);
  CHECK_THAT(refused.error().message(),
             Catch::Contains("'group_by_key'") && Catch::Contains("100 bytes"));
  CHECK(account.taken() == 60);
  account.give_back(20);
  CHECK(account.take(60));
}
