// Every example with a table does what its first line says.
#include "examples_process.hpp"

#include <catch2/catch.hpp>
#include <tests/support/scratch_directory.hpp>

#include <csignal>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("enrich_with_table: orders meet the prices of the file, also after it changed",
         "[examples]") {
  const weir::test::scratch_directory dir;
  dir.add("prices", "tea 3\ncake 10\n");
  example program("enrich_with_table", {(dir.path() / "prices").string()});
  CHECK(program.prints("(tea,3)\n", 30s));
  CHECK(program.prints("(cake,10)\n", 30s));
  dir.add("prices", "tea 500\n");
  CHECK(program.prints("(tea,500)\n", 30s));
  dir.add("prices", "no price\n"); // refused: the old prices stay
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
  CHECK_THAT(program.out(), !Contains("(coffee,"));
}

SCENARIO("enrich_with_table: says what is wrong and fails", "[examples]") {
  example without("enrich_with_table");
  CHECK(without.wait(30s) == 2);
  CHECK_THAT(without.err(), Contains("usage"));
  example nowhere("enrich_with_table", {"/not/there"});
  CHECK(nowhere.wait(30s) == 1);
  CHECK_THAT(nowhere.err(), Contains("prices") && Contains("'/not/there'"));
}
