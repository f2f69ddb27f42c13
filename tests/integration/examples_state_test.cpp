// Every example with state does what its first line says.
#include "examples_process.hpp"

#include <catch2/catch.hpp>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("sessions_by_user: a session ends when its user is silent", "[examples]") {
  example program("sessions_by_user");
  CHECK(program.wait(30s) == 0);
  CHECK_THAT(program.out(),
             Contains("ann left after 3 clicks\n") && Contains("bob left after 1 clicks\n"));
}
