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
  CHECK(tracker.ended(report_of(1, 5)));
  CHECK(tracker.committing().empty());
  CHECK(tracker.take_reports().size() == 2);
}

SCENARIO("a batch is complete when those that asked for it have committed",
         "[runtime][epoch_tracker]") {
  epoch_tracker tracker(3);
  tracker.open(epoch(5));
  for (std::uint32_t replica = 0; replica < 3; ++replica) {
    auto report = report_of(replica, 5);
    report.busy = weir::duration(100);
    report.commits = replica > 0;
    CHECK(tracker.ended(report) == (replica == 2));
  }
  CHECK(tracker.committing() == std::vector{weir::replica_id(1), weir::replica_id(2)});
  auto more = report_of(2, 5);
  more.busy = weir::duration(10);
  CHECK_FALSE(tracker.committed(report_of(1, 4))); // of an older batch
  CHECK_FALSE(tracker.committed(more));
  WHEN("the other one does") {
    CHECK(tracker.committed(report_of(1, 5)));
    THEN("what they took to commit is part of what they did") {
      const auto all = tracker.take_reports();
      CHECK(all[1].busy == weir::duration(100));
      CHECK(all[2].busy == weir::duration(110));
    }
  }
  WHEN("the other one fails") {
    CHECK(tracker.failed(epoch(5)));
    CHECK_FALSE(tracker.committed(report_of(1, 5)));
  }
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
