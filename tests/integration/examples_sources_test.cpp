// Every example that reads from elsewhere than Kafka does what its first line says.
#include "examples_process.hpp"

#include <catch2/catch.hpp>
#include <tests/support/scratch_directory.hpp>

#include <csignal>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("watch_directory: counts the words of files that appear", "[examples]") {
  const weir::test::scratch_directory dir;
  dir.add("first.txt", "to be or\nnot to be\n");
  example program("watch_directory", {dir.text()});
  CHECK(program.prints("(to,2)\n", 30s));
  CHECK_THAT(program.out(), Contains("(be,2)\n") && Contains("(or,1)\n") && Contains("(not,1)\n"));
  dir.add("other.csv", "no");
  dir.add("second.txt", "that is the question");
  CHECK(program.prints("(question,1)\n", 30s));
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
  CHECK_THAT(program.out(), !Contains("(no,1)"));
}

SCENARIO("watch_directory: says what is wrong and fails", "[examples]") {
  example without("watch_directory");
  CHECK(without.wait(30s) == 2);
  CHECK_THAT(without.err(), Contains("usage"));
  example nowhere("watch_directory", {"/not/there"});
  CHECK(nowhere.wait(30s) == 1);
  CHECK_THAT(nowhere.err(), Contains("'/not/there'"));
}
