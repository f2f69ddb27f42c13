// After warm-up a push source allocates per block, not per record. A program of its own: it
// replaces operator new.
#include <weir/connectors/push/inlet.hpp>

#include <catch2/catch.hpp>
#include <tests/support/counted_allocations.hpp>
#include <tests/support/jobs.hpp>

SCENARIO("a push allocates nothing per record", "[push][allocation]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  weir::inlet<std::string_view> in;
  weir::inlet_stream(job.context(), in).count().for_each_batch([](const auto&) {});
  REQUIRE(job.step());
  const std::string_view word = "a-word-that-is-too-long-for-the-small-buffer";
  const auto batch_of = [&](int records) {
    bool taken = true;
    const auto before = weir::test::allocations.load();
    for (int n = 0; n < records; ++n)
      taken = taken && in.try_push(word) == weir::push_result::taken;
    const auto report = job.step();
    const auto made = weir::test::allocations - before;
    REQUIRE(report);
    CHECK(taken);
    CHECK(report->records == static_cast<std::uint64_t>(records));
    return static_cast<double>(made);
  };
  (void)batch_of(100'000);
  const double few = batch_of(20'000);
  const double many = batch_of(100'000);
  INFO(few << " allocations for 20000 records, " << many << " for 100000");
  CHECK((many - few) / 80'000 < 0.05); // a block of 1024 records is grown in some 25
}
