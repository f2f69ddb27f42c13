// Every small example says how it is called, and takes no option for data.
#include "examples_process.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("the small examples answer --help and refuse options", "[examples]") {
  std::istringstream names(WEIR_SMALL_EXAMPLES);
  for (std::string name; std::getline(names, name, ',');) {
    INFO(name);
    example help(name, {"--help"});
    CHECK(help.wait(10s) == 0);
    CHECK_THAT(help.out(), Contains("usage: " + name));
    CHECK(help.err() == "");
    example option(name, {"--brokers", "x"});
    CHECK(option.wait(10s) == 2);
    CHECK(option.out() == "");
    CHECK_THAT(option.err(), Contains("--brokers: not an option") && Contains("usage: " + name));
  }
}

SCENARIO("a port is a number up to 65535", "[examples]") {
  for (const auto* port : {"99999", "-1x", "x", ""}) {
    example program("socket_word_count", {"127.0.0.1", port});
    CHECK(program.wait(10s) == 2);
  }
}
