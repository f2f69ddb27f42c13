// Counting the answers of replicas.
#include <weir/runtime/internal/epoch_tracker.hpp>

#include <catch2/catch.hpp>

using weir::epoch;
using weir::epoch_tracker;

namespace {

weir::replica_report report_of(std::uint32_t replica, std::uint64_t number) {
  weir::replica_report report;
  report.replica = weir::replica_id(replica);
  report.epoch = epoch(number);
  return report;
}

} // namespace

SCENARIO("a batch is complete when its last replica has ended it", "[runtime][epoch_tracker]") {
  epoch_tracker tracker(2);
  tracker.open(epoch(5));
  CHECK_FALSE(tracker.ended(report_of(0, 4))); // an answer to an older batch
  CHECK_FALSE(tracker.ended(report_of(0, 5)));
  const auto all = tracker.ended(report_of(1, 5));
  REQUIRE(all);
  CHECK(all->size() == 2);
}

SCENARIO("a batch that has failed once is never complete", "[runtime][epoch_tracker]") {
  epoch_tracker tracker(2);
  tracker.open(epoch(5));
  CHECK_FALSE(tracker.failed(epoch(4)));
  CHECK(tracker.failed(epoch(5)));
  CHECK_FALSE(tracker.failed(epoch(5))); // only the first is told
  CHECK_FALSE(tracker.ended(report_of(0, 5)));
  CHECK_FALSE(tracker.ended(report_of(1, 5)));
  CHECK_FALSE(tracker.aborted(epoch(5)));
  CHECK(tracker.aborted(epoch(5)));
  THEN("the next one starts clean") {
    tracker.open(epoch(6));
    CHECK_FALSE(tracker.ended(report_of(0, 6)));
    CHECK(tracker.ended(report_of(1, 6)));
  }
}
