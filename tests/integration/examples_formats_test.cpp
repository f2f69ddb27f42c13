// The examples that read and write formats do what their first line says.
#include "examples_process.hpp"

#include <catch2/catch.hpp>
#include <tests/support/scratch_directory.hpp>

#include <filesystem>
#include <fstream>
#include <map>

namespace fs = std::filesystem;
using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("json_to_csv: sales become CSV, other lines dead letters", "[examples]") {
  const weir::test::scratch_directory dir;
  dir.add("in.jsonl", "{\"item\":\"tea, green\",\"pieces\":2,\"price\":2.5}\n"
                      "{\"item\":\"jug\",\"pieces\":0}\n"
                      "{\"item\":\"jug\",\"pieces\":\"two\"}\n"
                      "{\"pieces\":1,\"item\":\"cup \\\"blue\\\"\",\"shop\":\"A\"}\n");
  example program("json_to_csv", {dir.text(), dir.text() + "/out"});
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
  std::string csv, bad;
  for (const auto& entry : fs::recursive_directory_iterator(dir.text())) {
    if (!entry.is_regular_file())
      continue;
    std::ifstream in(entry.path());
    const std::string all(std::istreambuf_iterator<char>(in), {});
    if (entry.path().filename() == "part-00000.csv")
      csv += all;
    if (entry.path().string().find("/out-bad-") != std::string::npos)
      bad += all;
  }
  CHECK(csv == "item,pieces,price\n\"tea, green\",2,2.5\n\"cup \"\"blue\"\"\",1,\n");
  CHECK_THAT(bad, Contains("member 'pieces': is no integer") && Contains("\"error\":\"decode\"") &&
                      Contains("\\\"pieces\\\":\\\"two\\\""));
}

SCENARIO("json_to_csv: says what is wrong and fails", "[examples]") {
  example without("json_to_csv");
  CHECK(without.wait(30s) == 2);
  CHECK_THAT(without.err(), Contains("usage"));
}
