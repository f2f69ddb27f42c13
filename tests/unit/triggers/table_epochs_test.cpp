// Tables and broadcast values under `continuous`: an epoch sees one version of each.
#include "epochs.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>

using namespace std::chrono_literals;
using namespace weir::test;

namespace {

/// A job whose open epoch passes one record at a time.
struct table_job {
  explicit table_job(run_mode how) : job(*weir::testing::stepped_job::make(continuous(how))) {}
  auto numbers() { return weir::memory_stream(job.context(), log); }

  /// Appends 1 and waits until the sink has seen it. @returns what it became.
  int pass() {
    const auto before = seen.rows().size();
    log->append(1);
    REQUIRE(run_until(job.context(), [&] { return seen.rows().size() == before + 1; }));
    return seen.rows().back();
  }

  seen_rows seen; // outlives the job
  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<int>> log = std::make_shared<weir::memory_log<int>>();
};

} // namespace

SCENARIO("records are looked up in tables as they come", "[triggers][continuous][table]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  table_job t(how);
  const weir::static_table<int, int> names{{1, 7}};
  const auto price = std::make_shared<std::atomic<int>>(10);
  const weir::refreshable_table<int, int> prices(
      "prices", 1500ms, [price] { return std::map<int, int>{{1, *price}}; });
  t.numbers()
      .map([](int n) { return std::pair(n, 0); })
      .join_table(names)
      .map([](const auto& r) { return std::pair(r.first, r.second.second); })
      .join_table(prices)
      .map([](const auto& r) { return 1000 * r.second.first + r.second.second; })
      .to(t.seen.sink());
  REQUIRE(t.job.context().start());
  CHECK(t.pass() == 7010);
  *price = 11;
  REQUIRE(t.job.step()); // after 1 s: nothing is due
  CHECK(t.pass() == 7010);
  const auto reloaded = [&] { return prices.loads().loads == 2; };
  t.job.clock().advance(600ms);
  REQUIRE(run_until(t.job.context(), reloaded));
  CHECK(t.pass() == 7010); // the open epoch keeps what it began with
  t.job.clock().advance(400ms);
  REQUIRE(run_until(t.job.context(), [&] { return t.job.reports().size() == 2; }));
  CHECK(t.pass() == 7011);
}

SCENARIO("a broadcast value that is replaced counts from the next epoch on",
         "[triggers][continuous][broadcast]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  table_job t(how);
  weir::broadcast<int> factor(t.job.context(), 2);
  t.numbers().map(factor.with([](int n, int by) { return n * by; })).to(t.seen.sink());
  REQUIRE(t.job.context().start());
  CHECK(t.pass() == 2);
  factor.update(3);
  CHECK(t.pass() == 2);
  REQUIRE(t.job.step());
  CHECK(t.pass() == 3);
}
