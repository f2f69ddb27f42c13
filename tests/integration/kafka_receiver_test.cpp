// A receiver stream on a real broker: its process is killed and started again, with and without a
// write-ahead log.
#include "kafka_copy_job.hpp"

#include <weir/weir.hpp>

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

TEST_CASE("a receiver's group reaches the ends of its partitions",
          "[connectors][kafka][receiver]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("markers");
  const auto group = fresh_name("g");
  admin.create_topic(topic, 3); // records and markers, markers alone, nothing
  const auto transaction = [&](int partition, testing_support::transaction_end end) {
    admin.produce(topic, 3,
                  [&](std::uint64_t i, outgoing_record& r) {
                    r.value = std::to_string(i);
                    r.partition = partition;
                  },
                  {.transactional_id = fresh_name("tx"), .end = end});
  };
  using enum testing_support::transaction_end;
  auto ctx = context::make({.name = "markers", .batch_interval = 100ms, .worker_threads = 1});
  REQUIRE(ctx);
  receiver_stream(
      *ctx,
      {.brokers = broker->bootstrap(), .topics = {topic}, .group = group, .from_beginning = true})
      .map([](const record& r) { return r.offset; })
      .for_each_batch([](const auto&) {});
  REQUIRE(ctx->start());
  const auto reaches_end = [&] {
    const auto end = std::chrono::steady_clock::now() + 20s;
    for (;;) {
      const auto ends = admin.end_offsets(topic);
      const auto committed = admin.committed_offsets(group, topic);
      bool all = true;
      for (std::size_t p = 0; p < ends.size(); ++p)
        all = all && committed[p].value_or(0) == ends[p];
      if (all || std::chrono::steady_clock::now() > end)
        return all;
      std::this_thread::sleep_for(20ms);
    }
  };
  transaction(0, commit);
  transaction(0, commit);
  transaction(0, abort);
  transaction(1, abort);
  CHECK(reaches_end());
  transaction(0, commit);
  CHECK(reaches_end());
  CHECK(ctx->stop());
}
