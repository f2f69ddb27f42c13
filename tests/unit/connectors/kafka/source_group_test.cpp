// Groups on librdkafka's mock cluster. Slow, because it lets a new group wait 3 s for members.
#include "source_fixture.hpp"

#include <set>

using namespace weir;
using namespace weir::kafka;

SCENARIO("a group's stream goes on where the last one committed", "[connectors][kafka][commit]") {
  GIVEN("a group that has read 300 of 500 records") {
    auto broker = broker_with("t", 1);
    produce_numbers(broker.bootstrap(), "t", 0, 0, 500);
    auto options = reading_together(broker, "t");
    {
      harness first(make_source(options));
      REQUIRE(outcome_of(first.open()) == "ok");
      REQUIRE(first.turn_until_ready());
      REQUIRE(first.run_batch(200));
      REQUIRE(first.run_batch(100));
      REQUIRE(first.run_batch(150, harness::fate::rewind)); // read, but never acknowledged
      REQUIRE(outcome_of(first.close()) == "ok");
    }
    WHEN("it starts again, whatever its starting offsets say") {
      options.start = starting_offsets::latest();
      harness second(make_source(options));
      REQUIRE(outcome_of(second.open()) == "ok");
      REQUIRE(second.turn_until_ready());
      REQUIRE(second.run_until(200));
      THEN("it reads the rest") { CHECK(by_partition(second.records).at(0) == numbers(300, 200)); }
    }
    WHEN("it is told to begin anew") {
      options.prefer_committed = false;
      harness second(make_source(options));
      REQUIRE(outcome_of(second.open()) == "ok");
      REQUIRE(second.turn_until_ready());
      THEN("it reads all") { CHECK(second.run_until(500)); }
    }
  }
}

SCENARIO("members of a group share the partitions", "[connectors][kafka][group]") {
  GIVEN("a member that reads four partitions") {
    auto broker = broker_with("t", 4);
    for (int p = 0; p < 4; ++p)
      produce_numbers(broker.bootstrap(), "t", p, 0, 50);
    const auto options = reading_together(broker, "t");
    harness one(make_source(options));
    REQUIRE(outcome_of(one.open()) == "ok");
    REQUIRE(one.turn_until_ready());
    REQUIRE(one.run_until(200));
    settle(one); // unlike a real broker the mock refuses commits while a group is rebalancing
    WHEN("another joins") {
      harness two(make_source(options));
      REQUIRE(outcome_of(two.open()) == "ok");
      const auto both = [&] {
        one.turn();
        return two.under_test().ready() && one.under_test().ready();
      };
      REQUIRE(two.turn_until(both, 30s));
      for (int p = 0; p < 4; ++p)
        produce_numbers(broker.bootstrap(), "t", p, 50, 10);
      THEN("each reads two, and nothing comes twice") {
        for (int i = 0; i < 2000 && one.records.size() + two.records.size() < 240; ++i) {
          REQUIRE(one.run_batch());
          REQUIRE(two.run_batch());
          std::this_thread::sleep_for(5ms);
        }
        CHECK(one.last_survey.size() == 2);
        CHECK(two.last_survey.size() == 2);
        std::set<std::pair<int, std::int64_t>> places;
        for (const auto* job : {&one, &two})
          for (const auto& r : job->records)
            CHECK(places.emplace(r.partition, r.offset).second);
        CHECK(places.size() == 240);
      }
    }
  }
}

SCENARIO("a user may commit by hand", "[connectors][kafka][commit]") {
  auto broker = broker_with("t", 1);
  produce_numbers(broker.bootstrap(), "t", 0, 0, 100);
  auto options = reading_together(broker, "t");
  offset_committer commits;
  options.committer = commits;
  const auto none = commits.commit_async({});
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == errc::invalid_state);

  GIVEN("a stream that commits by itself") {
    harness job(make_source(options));
    REQUIRE(outcome_of(job.open()) == "ok");
    THEN("a commit is an error") {
      const auto refused = commits.commit_async({});
      REQUIRE_FALSE(refused);
      CHECK_THAT(refused.error().message(), Catch::Matchers::Contains("choose manual"));
    }
  }
  GIVEN("a stream that leaves it to the user") {
    options.offsets = offset_commits::manual;
    std::vector<offset_range> ranges;
    bool answered = false;
    {
      harness job(make_source(options));
      REQUIRE(outcome_of(job.open()) == "ok");
      REQUIRE(job.turn_until_ready());
      for (int i = 0; i < 3; ++i) {
        const auto work = job.run_batch(20);
        REQUIRE(work);
        if (i < 2)
          ranges.push_back(work->ranges.front());
      }
      REQUIRE(commits.commit_async(
          ranges, [&](const expected<void>& outcome) { answered = outcome.has_value(); }));
      CHECK(job.turn_until([&] { return answered; }, 5s));
      REQUIRE(outcome_of(job.close()) == "ok");
    }
    THEN("the next start goes on behind what was committed") {
      harness job(make_source(options));
      REQUIRE(outcome_of(job.open()) == "ok");
      REQUIRE(job.turn_until_ready());
      REQUIRE(job.run_batch());
      CHECK(job.records.front().offset == 40);
    }
  }
}

SCENARIO("starting at the end means the end at the start", "[connectors][kafka][start]") {
  auto broker = broker_with("t", 1);
  produce_numbers(broker.bootstrap(), "t", 0, 0, 10);
  auto options = reading_together(broker, "t");
  options.start = starting_offsets::latest();
  GIVEN("a group whose first member dies before its first batch is complete") {
    {
      harness first(make_source(options));
      REQUIRE(outcome_of(first.open()) == "ok");
      REQUIRE(first.turn_until_ready());
      produce_numbers(broker.bootstrap(), "t", 0, 10, 5);
      REQUIRE(first.run_batch(std::nullopt, harness::fate::rewind));
    }
    WHEN("another takes over") {
      harness second(make_source(options));
      REQUIRE(outcome_of(second.open()) == "ok");
      REQUIRE(second.turn_until_ready());
      THEN("it reads what the first had not finished") {
        REQUIRE(second.run_until(5));
        CHECK(second.records.front().offset == 10);
      }
    }
  }
}

TEST_CASE("an outage pauses a stream and loses nothing", "[connectors][kafka][outage]") {
  auto broker = broker_with("t", 2);
  produce_numbers(broker.bootstrap(), "t", 0, 0, 100);
  auto options = reading_together(broker, "t");
  options.properties["reconnect.backoff.max.ms"] = "200";
  harness job(make_source(options));
  REQUIRE(outcome_of(job.open()) == "ok");
  REQUIRE(job.turn_until_ready());
  REQUIRE(job.run_until(100));
  REQUIRE(broker.suspend());
  std::thread later([&] {
    std::this_thread::sleep_for(500ms);
    CHECK(broker.resume());
  });
  const auto during = job.run_batch(); // the survey waits, or says that nothing is new
  later.join();
  REQUIRE(during);
  produce_numbers(broker.bootstrap(), "t", 0, 100, 50);
  CHECK(job.run_until(150));
  CHECK_FALSE(job.failure());
}

TEST_CASE("a stream closes in time although the broker is away", "[connectors][kafka][close]") {
  auto broker = broker_with("t", 1);
  harness job(make_source(reading_together(broker, "t")));
  REQUIRE(outcome_of(job.open()) == "ok");
  REQUIRE(job.turn_until_ready());
  REQUIRE(broker.suspend());
  const auto began = std::chrono::steady_clock::now();
  (void)job.close(1s);
  CHECK(std::chrono::steady_clock::now() - began < 4s);
}
