// One batch open, a bounded number waiting.
#include <weir/runtime/batch_scheduler.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::batch_scheduler;
using weir::epoch;
using weir::planned_batch;

namespace {

/// A planned batch at this second that reads `records` records.
planned_batch at(std::chrono::seconds time, std::int64_t records = 0) {
  planned_batch planned;
  planned.whole = std::make_shared<weir::batch>();
  planned.whole->time = weir::batch_time(time);
  planned.whole->sources.push_back(
      {.name = "numbers", .ranges = {{.topic = "t", .from = 0, .until = records}}});
  return planned;
}

} // namespace

SCENARIO("batches start in order, one at a time", "[runtime][batch_scheduler]") {
  batch_scheduler scheduler(4);
  scheduler.submit(at(1s));
  scheduler.submit(at(2s));
  const auto* first = scheduler.start_next(epoch(7), weir::steady_time(3s));
  REQUIRE(first);
  CHECK(first->whole->time == weir::batch_time(1s));
  CHECK(first->whole->epoch == epoch(7));
  CHECK(first->started == weir::steady_time(3s));
  CHECK_FALSE(scheduler.start_next(epoch(8), weir::steady_time(4s))); // the first is still open
  CHECK(scheduler.close().whole->time == weir::batch_time(1s));
  CHECK(scheduler.start_next(epoch(8), weir::steady_time(5s))->whole->time == weir::batch_time(2s));
}

SCENARIO("only so many batches may wait, the open one not counted", "[runtime][batch_scheduler]") {
  batch_scheduler scheduler(2);
  scheduler.submit(at(1s));
  (void)scheduler.start_next(epoch(1), {});
  scheduler.submit(at(2s));
  CHECK(scheduler.has_room());
  scheduler.submit(at(3s));
  CHECK_FALSE(scheduler.has_room());
  (void)scheduler.close();
  (void)scheduler.start_next(epoch(2), {});
  CHECK(scheduler.has_room());
}

SCENARIO("dropping what waits tells where reading must go on", "[runtime][batch_scheduler]") {
  batch_scheduler scheduler(4);
  CHECK_FALSE(scheduler.drop_waiting());
  scheduler.submit(at(1s, 5));
  scheduler.submit(at(2s, 6));
  const auto first = scheduler.drop_waiting();
  REQUIRE(first);
  CHECK(first->whole->time == weir::batch_time(1s));
  CHECK(first->records() == 5);
  CHECK(scheduler.waiting().empty());
}
