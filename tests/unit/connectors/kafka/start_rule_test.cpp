#include <weir/connectors/kafka/internal/start_rule.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;

namespace {

partition_facts log_of(std::int64_t low, std::int64_t end) {
  return {.topic = "t", .partition = 3, .low = low, .end = end};
}

std::int64_t start(const partition_facts& facts, starting_offsets rule,
                   data_loss policy = data_loss::fail) {
  return decide_start(facts, {.start = std::move(rule), .on_data_loss = policy}).value().offset;
}

} // namespace

TEST_CASE("a stream starts where its options say", "[connectors][kafka][start]") {
  const auto facts = log_of(5, 20);
  CHECK(start(facts, starting_offsets::earliest()) == 5);
  CHECK(start(facts, starting_offsets::latest()) == 20);
  CHECK(start(facts, starting_offsets::at({{"t", 3, 11}})) == 11);
  CHECK(start(facts, starting_offsets::at({{"t", 3, partition_offset::end}})) == 20);
  CHECK(start(facts, starting_offsets::at({{"t", 2, 11}})) == 5);     // not listed: its beginning
  CHECK(start(facts, starting_offsets::at_time(event_time{})) == 20); // no such record
  auto timed = facts;
  timed.at_time = 9;
  CHECK(start(timed, starting_offsets::at_time(event_time{})) == 9);
}

TEST_CASE("the group's offset wins, and a newcomer begins at its beginning",
          "[connectors][kafka][start]") {
  auto facts = log_of(5, 20);
  facts.newcomer = true;
  CHECK(start(facts, starting_offsets::latest()) == 5);
  facts.committed = 7;
  CHECK(start(facts, starting_offsets::latest()) == 7);
}

TEST_CASE("an offset outside the log goes to the data-loss policy", "[connectors][kafka][start]") {
  auto expired = log_of(100, 200);
  expired.committed = 40;
  const auto failed = decide_start(expired, {.on_data_loss = data_loss::fail});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == errc::offset_out_of_range);
  CHECK_THAT(failed.error().message(), Catch::Matchers::Contains("t [3]: committed offset 40") &&
                                           Catch::Matchers::Contains("[100, 200)") &&
                                           Catch::Matchers::Contains("`on_data_loss`"));
  const auto earliest = decide_start(expired, {.on_data_loss = data_loss::earliest});
  CHECK(earliest->offset == 100);
  CHECK(earliest->gap == 60);
  CHECK(start(expired, starting_offsets::latest(), data_loss::latest) == 200);

  auto made_anew = log_of(0, 10);
  made_anew.committed = 40;
  CHECK_FALSE(decide_start(made_anew, {}));
  CHECK(start(made_anew, starting_offsets::latest(), data_loss::earliest) == 0);
}

TEST_CASE("inside an open transaction a stream waits", "[connectors][kafka][start]") {
  for (const auto policy : {data_loss::fail, data_loss::earliest, data_loss::latest})
    for (const bool listed : {false, true}) {
      auto facts = log_of(5, 20);
      facts.high = 30;
      auto rule = starting_offsets::latest();
      for (std::int64_t wanted = 20; wanted <= 30; ++wanted) {
        if (listed)
          rule = starting_offsets::at({{"t", 3, wanted}});
        else
          facts.committed = wanted;
        CHECK(start(facts, rule, policy) == wanted);
      }
      if (listed)
        rule = starting_offsets::at({{"t", 3, 31}});
      else
        facts.committed = 31;
      const auto beyond = decide_start(facts, {.start = rule, .on_data_loss = policy});
      CHECK(beyond.has_value() == (policy != data_loss::fail));
    }
}

TEST_CASE("another log begins by the policy, and what was lost is counted",
          "[connectors][kafka][start]") {
  const auto facts = log_of(2, 12);
  for (const auto verdict : {log_verdict::other, log_verdict::shorter}) {
    const auto failed = decide_anew(facts, verdict, 7, 10, data_loss::fail);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == errc::offset_out_of_range);
    CHECK_THAT(failed.error().message(), Catch::Matchers::Contains("t [3]") &&
                                             Catch::Matchers::Contains("made anew") &&
                                             Catch::Matchers::Contains("[2, 12)") &&
                                             Catch::Matchers::Contains("`on_data_loss`"));
    const auto earliest = decide_anew(facts, verdict, 7, 10, data_loss::earliest);
    CHECK(earliest->offset == 2);
    CHECK(earliest->gap == 3); // of the old log
    const auto latest = decide_anew(facts, verdict, 7, 10, data_loss::latest);
    CHECK(latest->offset == 12);
    CHECK(latest->gap == 13);
    CHECK(decide_anew(facts, verdict, 10, 7, data_loss::earliest)->gap == 0);
  }
}
