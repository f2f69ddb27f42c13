// The demonstration, shortened: a surge of four times the capacity, on the cluster inside the
// program.
#include "examples_process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> short_surge(std::vector<std::string> more = {}) {
  std::vector<std::string> all{"--capacity", "4000", "--steady",    "800", "--surge",    "16000",
                               "--warm-up",  "3s",   "--surge-for", "2s",  "--interval", "500ms"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// A job that is busy for seconds with its first batch of 1,000 records.
std::vector<std::string> slow_job(const std::string& capacity, const std::string& stop_within) {
  return {"--capacity", capacity, "--steady",    "99",  "--surge",       "5000",
          "--warm-up",  "0s",     "--surge-for", "60s", "--stop-within", stop_within};
}

std::size_t lines_of(const std::string& file) {
  std::ifstream in(file);
  return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
}

} // namespace

SCENARIO("the surge is brought under control and nothing is lost", "[examples][impressions]") {
  const auto report =
      (std::filesystem::temp_directory_path() / "weir-impressions-report.jsonl").string();
  for (const char* workers : {"1", "3"}) {
    GIVEN(std::string(workers) + " worker threads") {
      example program("impressions", short_surge({"--workers", workers, "--report", report}));
      CHECK(program.wait(120s) == 0);
      INFO(program.out());
      CHECK(program.err() == "");
      CHECK(program.last_line() == "verdict: held, in = out");
      CHECK_THAT(program.out(), Contains("-- surge: 16,000 records/s for 2 s"));
      CHECK(lines_of(report) >= 30);
      std::filesystem::remove(report);
    }
  }
}

SCENARIO("without rate control the surge does not pass unnoticed", "[examples][impressions]") {
  example program("impressions", short_surge({"--no-rate-control"}));
  CHECK(program.wait(120s) == 3);
  INFO(program.out());
  CHECK_THAT(program.last_line(),
             Contains("verdict: not held: ") && Contains("batches until the delay"));
}

SCENARIO("many records are counted in one batch", "[examples][impressions]") {
  example program("impressions", {"--one-batch=100000"});
  CHECK(program.wait(60s) == 0);
  INFO(program.out());
  CHECK_THAT(program.out(), Contains("one batch of 100,000 records took") && Contains("51 s"));
  CHECK(program.last_line() == "verdict: held, in = out");
}

SCENARIO("the first Ctrl-C finishes what is planned", "[examples][impressions]") {
  example program("impressions", short_surge());
  REQUIRE(program.prints("-- surge", 30s));
  program.signal(SIGINT);
  CHECK(program.wait(20s) == 0);
  INFO(program.out());
  CHECK_THAT(program.last_line(), Contains("verdict: none, stopped by a signal"));
}

SCENARIO("planned batches that miss the deadline are said to be left", "[examples][impressions]") {
  example program("impressions", slow_job("100", "200ms"));
  REQUIRE(program.prints("-- surge", 30s));
  CHECK_FALSE(program.wait(2s)); // the first batch with records takes 10 s
  program.signal(SIGTERM);
  CHECK(program.wait(5s) == 4); // not when all blocks that wait have been worked through
  CHECK_THAT(program.out(), Contains("were left after 200 ms"));
}

SCENARIO("a second Ctrl-C leaves at once", "[examples][impressions]") {
  example program("impressions", slow_job("100", "60s"));
  REQUIRE(program.prints("-- surge", 30s));
  CHECK_FALSE(program.wait(2s));
  program.signal(SIGINT);
  CHECK_FALSE(program.wait(500ms)); // it drains
  program.signal(SIGINT);
  CHECK(program.wait(1s) == 130);
}

SCENARIO("a bad option is named with its value and the remedy, in one line",
         "[examples][impressions]") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"--workers", "-1"},
       "impressions: --workers: '-1' is not a whole number from 0 to 64; see --help\n"},
      {{"--surge=fast"},
       "impressions: --surge: 'fast' is not a whole number from 1 to 10000000; see --help\n"},
      {{"--interval", "1"},
       "impressions: --interval: '1' is not a time from 10 ms to 60 s; write it like 500ms or 8s; "
       "see --help\n"},
      {{"--steady", "20000"},
       "impressions: --steady: '20000' is not below the capacity of 10000 records/s; lower it or "
       "raise --capacity; see --help\n"},
      {{"--no-load"},
       "impressions: --no-load: an embedded cluster starts empty; add --brokers HOST:PORT; see "
       "--help\n"},
      {{"--brokers", "localhost"},
       "impressions: --brokers: 'localhost' has no port; write HOST:PORT; see --help\n"},
      {{"--brokers", "127.0.0.1:99999"},
       "invalid_config: option `brokers`: \"127.0.0.1:99999\" is no broker; write \"host:port\" "
       "with "
       "a port from 1 to 65535\n"},
      {{"--brokers", ":"},
       "invalid_config: option `brokers`: \":\" is no broker; write \"host:port\" with a port from "
       "1 "
       "to 65535\n"},
      {{"--topic", ""},
       "impressions: --topic: '' is no name; leave the option out for impressions; see --help\n"},
      {{"--property", "x"}, "impressions: --property: 'x' is not NAME=VALUE; see --help\n"},
      {{"--wokers", "2"}, "impressions: --wokers: not an option; see --help\n"},
      {{"--topic"}, "impressions: --topic: 1 required NAME missing; see --help\n"},
      {{"--report", "/no/such/folder/x"},
       "invalid_config: --report: '/no/such/folder/x' cannot be written (No such file or "
       "directory); "
       "name a file in a "
       "folder that exists\n"}};
  for (const auto& [options, message] : mistakes) {
    example program("impressions", options);
    CHECK(program.wait(10s) == 2);
    CHECK(program.err() == message);
    CHECK(program.out() == "");
  }
}

SCENARIO("a report that cannot be written ends the run at once", "[examples][impressions]") {
  example program("impressions", {"--report", "/dev/full", "--warm-up", "60s"});
  CHECK(program.wait(30s) == 1);
  CHECK(program.err() == "io: writing /dev/full failed; is the disk full?\n");
}

SCENARIO("a signal while the topic is filled says that nothing is counted",
         "[examples][impressions]") {
  example program("impressions", {"--one-batch", "700000"});
  REQUIRE(program.prints("impressions: topic", 30s));
  program.signal(SIGINT);
  CHECK(program.wait(60s) == 4);
  CHECK_THAT(program.last_line(), Contains("stopped by a signal while the topic was filled"));
}

SCENARIO("help and version are answers, not mistakes", "[examples][impressions]") {
  example help("impressions", {"--help"});
  CHECK(help.wait(10s) == 0);
  CHECK_THAT(help.out(), Contains("--surge-for"));
  example version("impressions", {"--version"});
  CHECK(version.wait(10s) == 0);
  CHECK_THAT(version.out(), Contains("impressions (weir) "));
}
