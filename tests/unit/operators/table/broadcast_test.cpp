// A value of the host that functions of a job read.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::test::every_mode;

namespace {

struct limited_job {
  explicit limited_job(weir::context_options options)
      : job(*weir::testing::stepped_job::make(std::move(options))),
        log(std::make_shared<weir::memory_log<int>>(2)),
        results(std::make_shared<weir::memory_table<int>>()), least(job.context(), 3) {}
  weir::stream<int> in() { return weir::memory_stream(job.context(), log); }

  std::vector<int> step() {
    log->append_all({1, 5}, 0);
    log->append_all({3, 7}, 1);
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    return weir::test::sorted(results->batches().back().rows);
  }

  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<int>> log;
  std::shared_ptr<weir::memory_table<int>> results;
  weir::broadcast<int> least;
};

} // namespace

SCENARIO("functions of steps see the value, and an update counts from the next planned batch on",
         "[operators][broadcast]") {
  limited_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  t.in()
      .filter(t.least.with([](int n, int least) { return n >= least; }))
      .map(t.least.with([](int n, int least) { return n * 10 + least; }))
      .flat_map(t.least.with([](int n, int least) { return std::vector{n, least}; }))
      .repartition(2)
      .map_partitions(t.least.with([](const weir::partition_view<int>& all, int least) {
        std::vector<int> kept;
        for (const int n : all)
          if (n != least)
            kept.push_back(n);
        return kept;
      }))
      .to(weir::memory_sink(t.results));
  CHECK(t.step() == std::vector{33, 53, 73});
  t.least.update(6);
  CHECK(*t.least.get() == 6);
  CHECK(t.step() == std::vector{76});
}

SCENARIO("a batch that is planned keeps its value while the host updates it",
         "[operators][broadcast]") {
  limited_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  auto control = std::make_shared<weir::test::sink_control>();
  const auto shared = t.in().share();
  shared.map(t.least.with([](int, int least) { return least; }))
      .to(weir::test::to_fake_sink<int>(control));
  control->shut();
  t.log->append_all({1, 2}, 0);
  REQUIRE(t.job.context().start());
  t.job.clock().advance(1s);
  t.job.context().run_ready();
  REQUIRE(control->wait_until_blocked());
  t.log->append_all({1, 2}, 1);
  t.job.clock().advance(1s);
  t.job.context().run_ready();
  // The second batch is planned, or will be once the control thread has seen the clock.
  t.least.update(4);
  control->reopen();
  REQUIRE(t.job.context().stop());
  CHECK(control->count("write 3") >= 2);
  CHECK(control->count("write 3") + control->count("write 4") <= 4);
}

SCENARIO("updates from another thread never tear a batch", "[operators][broadcast]") {
  auto options = weir::test::options_for({.executor = weir::executor_kind::actors});
  options.block.max_records = 8;
  limited_job t(options);
  t.in()
      .map(t.least.with([](int, int least) { return least; }))
      .repartition(3)
      .map(t.least.with([](int before, int least) { return before - least; }))
      .filter([](int difference) { return difference != 0; })
      .to(weir::memory_sink(t.results));
  std::atomic<bool> done = false;
  std::thread host([&] {
    for (int i = 0; !done; ++i)
      t.least.update(i);
  });
  for (int i = 0; i < 30; ++i) {
    t.log->append_all(std::vector<int>(100, i), 0);
    CHECK(t.step().empty());
  }
  done = true;
  host.join();
}
