#include <weir/connectors/kafka/internal/partition_table.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;

namespace {

std::vector<std::optional<std::uint64_t>> no_limits(std::size_t n) {
  return std::vector<std::optional<std::uint64_t>>(n);
}

partition_table two_partitions() {
  partition_table table(2);
  table.install({{.topic = "t", .partition = 1, .offset = 50},
                 {.topic = "t", .partition = 0, .offset = 10, .committed = 10}});
  return table;
}

} // namespace

SCENARIO("a table plans ranges that follow each other", "[connectors][kafka][plan]") {
  GIVEN("partitions at 10 and 50 that end at 100 and 50") {
    auto table = two_partitions();
    const std::vector<std::int64_t> ends{100, 50};
    auto backlog = table.surveyed(ends);
    REQUIRE(backlog.size() == 2);
    CHECK(backlog[0].partition == 0);
    CHECK(backlog[0].lag() == 90);
    WHEN("a batch is limited to 30 records of the first") {
      const auto first = table.plan(backlog, {30, std::nullopt});
      THEN("it takes [10, 40) and an empty range, and the next goes on from there") {
        CHECK(first.ranges ==
              std::vector<offset_range>{{"t", 0, 10, 40, 100}, {"t", 1, 50, 50, 50}});
        CHECK(first.lag() == 60);
        const auto second = table.plan(table.surveyed(ends), no_limits(2));
        CHECK(second.ranges[0] == offset_range{"t", 0, 40, 100, 100});
      }
      THEN("a rewind takes it back") {
        table.rewind(first);
        CHECK(table.plan(backlog, no_limits(2)).ranges[0].from == 10);
      }
    }
    WHEN("the end seems to lie below the position") {
      THEN("the range is empty") {
        CHECK(table.plan(table.surveyed(std::vector<std::int64_t>{3, 3}), no_limits(2))
                  .ranges[0]
                  .empty());
      }
    }
  }
}

SCENARIO("only completed work of the present assignment is committed",
         "[connectors][kafka][guard]") {
  GIVEN("a planned batch") {
    auto table = two_partitions();
    const auto work = table.plan(table.surveyed(std::vector<std::int64_t>{20, 60}), no_limits(2));
    THEN("before it is complete only the start of a partition without a committed offset is due") {
      REQUIRE(table.due().size() == 1);
      CHECK(table.due()[0].partition == 1);
      CHECK(table.due()[0].offset == 50);
    }
    WHEN("it completes") {
      CHECK(table.completed(work) == 2);
      THEN("both ends are due until the broker has confirmed them") {
        const auto due = table.due();
        REQUIRE(due.size() == 2);
        CHECK(due[0].offset == 20);
        CHECK(due[1].offset == 60);
        table.confirmed(due);
        CHECK(table.due().empty());
      }
    }
    WHEN("the partitions have moved away and come back further on") {
      table.install({{.topic = "t", .partition = 0, .offset = 500, .committed = 500}});
      THEN("the old batch changes nothing") {
        CHECK(table.completed(work) == 0);
        CHECK(table.due().empty());
        table.rewind(work);
        CHECK(table.partitions()[0].position == 500);
      }
    }
  }
  GIVEN("a user who commits") {
    auto table = two_partitions();
    (void)table.plan(table.surveyed(std::vector<std::int64_t>{30, 60}), no_limits(2));
    THEN("foreign partitions, the future and the past are left out, and the highest end counts") {
      const std::vector<offset_range> ranges{
          {"t", 0, 10, 20, 30}, {"t", 0, 20, 30, 30}, {"t", 7, 0, 5, 5}, {"t", 1, 50, 61, 61}};
      const auto commits = table.allowed(ranges);
      REQUIRE(commits.size() == 1);
      CHECK(commits[0].offset == 30);
      table.confirmed(commits);
      CHECK(table.allowed(std::vector<offset_range>{{"t", 0, 10, 20, 30}}).empty());
    }
  }
}

TEST_CASE("new partitions keep the numbers of the old and go to the idlest replica",
          "[connectors][kafka][plan]") {
  auto table = two_partitions();
  CHECK(table.partitions()[0].replica != table.partitions()[1].replica);
  table.add(
      {{.topic = "a", .partition = 0, .offset = 0}, {.topic = "t", .partition = 0, .offset = 99}});
  REQUIRE(table.partitions().size() == 3);
  CHECK(table.partitions()[2].topic == "a");
  CHECK(table.partitions()[0].position == 10);
}

TEST_CASE("a log made anew may be committed below what was committed",
          "[connectors][kafka][guard]") {
  auto table = two_partitions();
  table.restart_at("t", 0, 0);
  REQUIRE(table.due().size() == 2);
  CHECK(table.due()[0].offset == 0);
}
