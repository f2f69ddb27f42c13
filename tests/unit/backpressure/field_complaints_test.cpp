// What users of comparable systems reported about rate control, as behaviours that must not return.
#include "controller_fixture.hpp"

using namespace weir;
using testing::at;
using testing::controlled;
using testing::span;

namespace {

constexpr std::uint64_t deep = 100'000'000;

} // namespace

// apache/spark#9593, #18672, #19431, #23997: no rate was known at the start.
SCENARIO("the first batch does not take the whole backlog", "[backpressure][field]") {
  controlled job;
  CHECK(job.cut_sum(1, {deep}) == 1000);
  GIVEN("an explicit first rate, below the minimum rate and on a short interval") {
    controlled slow{{.first_batch_rate = 30}, 0.5};
    CHECK(slow.cut_sum(0.5, {deep}) == 15);
  }
}

// The first completed batch gave no estimate either, so the second batch was as unprotected as the
// first.
SCENARIO("the second batch does not take the whole backlog either", "[backpressure][field]") {
  controlled job;
  const auto first = job.cut_sum(1, {deep});
  WHEN("the first batch has finished") {
    job.finish(1.5, first, 0.5);
    CHECK(job.cut_sum(2, {deep}) <= 2 * first);
  }
  WHEN("the first batch is still running") {
    CHECK(job.cut_sum(
              2, {deep},
              {.batches = 1, .records = first, .running_records = first, .running_for = span(1)}) <=
          100);
  }
}

// apache/spark#17774: a small rate was truncated to zero, and zero was read as unlimited.
SCENARIO("a rate below one record per partition and batch is neither zero for ever nor unlimited",
         "[backpressure][field]") {
  GIVEN("half a record per second over 18 partitions") {
    controlled job{{.gains = {.min_rate = 0.01}, .first_batch_rate = 0.5, .job = {.ceiling = 0.5}}};
    std::vector<std::uint64_t> total(18, 0);
    for (int k = 1; k <= 3600; ++k) {
      const auto shares = job.cut(k, std::vector<std::uint64_t>(18, 1000));
      for (std::size_t p = 0; p < shares.size(); ++p)
        total[p] += shares[p].max_records.value(); // throws when unlimited
    }
    THEN("an hour gives each of them its hundred records") {
      for (const auto records : total)
        CHECK(records == 100);
    }
  }
}

// apache/spark#8199: an estimate was made from an empty batch.
SCENARIO("an empty batch gives no estimate and leaves the rate alone", "[backpressure][field]") {
  controlled job;
  job.finish(1, 1000, 1);
  const auto before = job.controller.rate();
  for (int k = 2; k <= 100; ++k) {
    const auto decision = job.finish(k, 0, 0.2, 5);
    REQUIRE(decision.rate_after == before);
    REQUIRE(decision.clamp == rate_clamp::no_estimate);
  }
}

// apache/spark#8199 too: at rate zero no batch has records, so nothing ever raises the rate again.
SCENARIO("the rate never goes to zero, however bad the delay", "[backpressure][field]") {
  controlled job{{.gains = {.min_rate = 5}}};
  for (int k = 1; k <= 50; ++k)
    job.finish(k, 10, 60, 600);
  CHECK(*job.controller.rate() == 5);
  CHECK(job.cut_sum(
            51, {deep},
            {.batches = 9, .records = 90, .running_records = 10, .running_for = span(500)}) == 5);
}

// apache/spark#10089: an equal split left one partition eight million records behind overnight.
SCENARIO("the deepest partition gets the largest share", "[backpressure][field]") {
  GIVEN("17 partitions that are nearly read and one that is far behind") {
    controlled job;
    std::vector<std::uint64_t> unread(18, 40);
    unread[3] = 8'000'000;
    THEN("a night at 1000/s with 20/s arriving in each drains it") {
      for (int k = 1; k <= 36'000; ++k) {
        const auto shares = job.cut(k, unread);
        std::uint64_t taken = 0;
        for (std::size_t p = 0; p < unread.size(); ++p) {
          const auto records = std::min(unread[p], *shares[p].max_records);
          unread[p] += 20 - records;
          taken += records;
        }
        job.finish(k + 0.999, taken, static_cast<double>(taken) / 1000);
      }
      for (const auto records : unread)
        CHECK(records < 1000);
    }
  }
}

// The other side of the same: by lag alone a quiet partition waits until the deep one is drained.
SCENARIO("a quiet partition is not starved by a deep one", "[backpressure][field]") {
  controlled job;
  const auto shares = job.cut(1, {deep, 3});
  CHECK(*shares[1].max_records >= 3);
}

// apache/spark#22223, #34752: a minimum per partition was missing, then counted per batch instead
// of per second.
SCENARIO("the minimum per partition is per second, whatever the interval",
         "[backpressure][field]") {
  for (const double interval : {0.1, 1.0, 10.0}) {
    CAPTURE(interval);
    controlled job{{.gains = {.min_rate = 10}, .first_batch_rate = 10, .partition = {.floor = 50}},
                   interval};
    const auto shares = job.cut(interval, {deep, 10'000, 10'000});
    for (const auto& share : shares)
      CHECK(*share.max_records == static_cast<std::uint64_t>(50 * interval));
  }
}

// A minimum is for partitions that have something to read; others must not take their records away.
SCENARIO("the minimum of an idle partition is not reserved", "[backpressure][field]") {
  controlled job{{.first_batch_rate = 100, .partition = {.floor = 50}}};
  const auto shares = job.cut(1, {deep, 0});
  CHECK(*shares[0].max_records == 100);
}

// apache/bahir#101: more was read than the configured maximum now and then.
SCENARIO("the observed rate never exceeds the configured maximum", "[backpressure][field]") {
  GIVEN("ceilings that are no whole number of records per batch, and capacity far beyond") {
    controlled job{{.job = {.ceiling = 333.3}, .partition = {.floor = 5, .ceiling = 101.7}}, 0.1};
    std::vector<std::uint64_t> total(5, 0);
    std::uint64_t sum = 0;
    for (int k = 1; k <= 5000; ++k) {
      const auto shares = job.cut(0.1 * k, {deep, 7, deep, 10'000, 0});
      std::uint64_t records = 0;
      for (std::size_t p = 0; p < shares.size(); ++p) {
        total[p] += *shares[p].max_records;
        records += *shares[p].max_records;
        REQUIRE(static_cast<double>(total[p]) <= 10.17 * k + 1e-6);
      }
      sum += records;
      REQUIRE(static_cast<double>(sum) <= 33.33 * k + 1e-6);
      job.finish(0.1 * k + 0.001, records, 0.001);
    }
    CHECK(static_cast<double>(sum) >= 33.33 * 5000 - 5); // nor is any of it lost
  }
}

// A fixed cost makes small batches look slow: the limit sank in quiet hours and choked the next
// burst.
SCENARIO("quiet hours do not sink the rate", "[backpressure][field]") {
  controlled job;
  job.finish(1.5, 500, 0.5); // 0.1 s and 0.8 ms per record
  job.finish(2.9, 1000, 0.9);
  const double before = *job.controller.rate();
  for (int k = 3; k <= 300; ++k)
    job.finish(k + 0.104, 5, 0.104);
  CHECK(*job.controller.rate() >= 0.7 * before);
}

// Batches in the queue were cut at the old rate: the controller saw the trouble only when they had
// run.
SCENARIO("a stuck batch lowers the rate before it has finished", "[backpressure][field]") {
  controlled job;
  for (int k = 1; k <= 5; ++k) {
    job.cut(k, {deep});
    job.finish(k + 1.0, 1000, 1.0);
  }
  std::uint64_t last = 1000;
  for (int k = 7; k <= 10; ++k) { // the batch of second 6 runs and runs, one more waits
    last = job.cut_sum(
        k, {deep},
        {.batches = 2, .records = 2000, .running_records = 1000, .running_for = span(k - 6)});
  }
  CHECK(last == 100);
}

// With no lag anywhere the shares of some systems are not a number, which then means "no limit at
// all".
SCENARIO("without any lag there is still a limit", "[backpressure][field]") {
  controlled job;
  CHECK(job.cut_sum(1, {0, 0, 0, 0}) == 1000);
}

// Static limits are too low-level (risingwave#16114): the controller itself must find the rate and
// hold the delay.
SCENARIO("nobody has to tune a number for the rate to fit", "[backpressure][field]") {
  for (const double capacity : {200.0, 10'000.0, 3'000'000.0}) {
    CAPTURE(capacity);
    controlled job;
    double free_at = 0;
    for (int k = 1; k <= 12; ++k) {
      work_in_flight unfinished;
      const auto records = job.cut_sum(k, {1'000'000'000}, unfinished);
      const double seconds = static_cast<double>(records) / capacity;
      const double start = std::max<double>(k, free_at);
      free_at = start + seconds;
      job.finish(free_at, records, seconds, start - k);
    }
    CHECK(*job.controller.rate() == Approx(capacity).epsilon(0.06));
  }
}
