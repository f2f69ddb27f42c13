// A receiver stream on a real broker: its process is killed and started again, with and without a
// write-ahead log.
#include "kafka_copy_job.hpp"

#include <tests/support/scratch_directory.hpp>

using namespace weir;
using namespace weir::kafka;

SCENARIO("a receiver stream loses nothing when its process is killed",
         "[connectors][kafka][receiver]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  const bool logged = GENERATE(false, true);
  const test::scratch_directory dir;
  std::vector<std::string> how = {"receiver"};
  if (logged)
    how.push_back(dir.text());
  copy_job copy(*broker);
  auto one = copy.start(how);
  REQUIRE(copy.copies_more(5'000, 30s));
  CHECK(one->end(SIGKILL) == -SIGKILL);
  one = copy.start(how);
  REQUIRE(copy.copies_more(5'000, 60s)); // once the killed member's session has ended
  REQUIRE(copy.drained(60s));
  CHECK(one->end(SIGTERM) == 0);
  const auto found = copy.compare();
  WARN(fmt::format("{}: {} records, {} missing, {} doubled", logged ? "with a log" : "without",
                   found.written, found.missing, found.doubled));
  CHECK(found.missing == 0);
  CHECK(found.doubled < found.written);
  CHECK(copy.committed_only_forward());
}

SCENARIO("a receiver stream is stopped and started without doubling anything",
         "[connectors][kafka][receiver]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  copy_job copy(*broker);
  auto one = copy.start({"receiver"});
  REQUIRE(copy.copies_more(5'000, 30s));
  CHECK(one->end(SIGTERM) == 0);
  one = copy.start({"receiver"});
  REQUIRE(copy.copies_more(5'000, 30s));
  REQUIRE(copy.drained(60s));
  CHECK(one->end(SIGTERM) == 0);
  const auto found = copy.compare();
  CHECK(found.written > 1'000);
  CHECK(found.missing == 0);
  CHECK(found.doubled == 0);
}
