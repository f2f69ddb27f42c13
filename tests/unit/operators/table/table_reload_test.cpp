// Tables that are loaded again while the job runs.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>
#include <tests/support/properties.hpp>

#include <condition_variable>
#include <map>
#include <set>

using namespace std::chrono_literals;
using std::optional;
using std::string;
using std::string_view;
using weir::errc;
using weir::test::every_mode;
using weir::test::rows_of;

namespace {

using order = std::pair<string, int>;
template <class V>
using row = std::pair<string, std::pair<int, V>>;
using prices = std::map<string, int>;

/// What a loader is to give; the test changes it while the job runs.
class shop {
public:
  void set(weir::expected<prices> next) {
    std::lock_guard guard(mutex_);
    next_ = std::move(next);
  }
  weir::expected<prices> load() {
    std::lock_guard guard(mutex_);
    return next_;
  }

private:
  std::mutex mutex_;
  weir::expected<prices> next_;
};

template <class Done>
bool comes_true(Done done) {
  for (int i = 0; i < 10'000 && !done(); ++i)
    std::this_thread::sleep_for(1ms);
  return done();
}

/// Looks orders up in a table that `shop` fills, reloaded every two batches.
struct refreshed_job {
  explicit refreshed_job(weir::context_options options)
      : job(*weir::testing::stepped_job::make(std::move(options))),
        log(std::make_shared<weir::memory_log<order>>(2)),
        results(std::make_shared<weir::memory_table<row<int>>>()), from(std::make_shared<shop>()),
        table("prices", 2s, [from = from] { return from->load(); }) {
    from->set(prices{{"a", 10}});
    weir::memory_stream(job.context(), log).join_table(table).to(weir::memory_sink(results));
  }

  /// One batch of two orders. @returns the prices they met.
  std::vector<int> step() {
    log->append({"a", 1}, 0);
    log->append({"a", 2}, 1);
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    std::vector<int> met;
    const auto batches = results->batches();
    for (const auto& one : batches.back().rows)
      met.push_back(one.second.second);
    return met;
  }
  void wait_for_loads(std::uint64_t loads, std::uint64_t failed = 0) const {
    REQUIRE(
        comes_true([&] { return table.loads().loads == loads && table.loads().failed == failed; }));
  }

  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<order>> log;
  std::shared_ptr<weir::memory_table<row<int>>> results;
  std::shared_ptr<shop> from;
  weir::refreshable_table<string, int> table;
};

} // namespace

SCENARIO("a table is loaded again on the job's clock, and serves from the next planned batch on",
         "[operators][table][refresh]") {
  refreshed_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  CHECK(t.step() == std::vector{10, 10});
  t.from->set(prices{{"a", 20}, {"b", 1}});
  CHECK(t.step().size() == 2); // the reload is due at the time of this batch
  t.wait_for_loads(2);
  CHECK(t.step() == std::vector{20, 20});
  CHECK(t.table.loads().size == 2);
}

SCENARIO("a reload that fails keeps the old version, and is logged and counted",
         "[operators][table][refresh]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  std::mutex mutex;
  std::vector<string> lines;
  options.log = [&](const weir::log_record& r) {
    std::lock_guard guard(mutex);
    if (r.component == "weir.table")
      lines.emplace_back(r.message);
  };
  refreshed_job t(options);
  (void)t.step();
  t.from->set(weir::error(errc::io, "the shop is closed"));
  (void)t.step();
  t.wait_for_loads(1, 1);
  CHECK(t.step() == std::vector{10, 10});
  REQUIRE(t.table.loads().last_failure);
  CHECK(t.table.loads().last_failure->message() == "the shop is closed");
  t.from->set(prices{{"a", 30}});
  for (int i = 0; i < 2; ++i)
    (void)t.step();
  t.wait_for_loads(2, 1);
  CHECK(t.step() == std::vector{30, 30});
  CHECK_FALSE(t.table.loads().last_failure);
  std::lock_guard guard(mutex);
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0], Catch::Contains("'prices'") && Catch::Contains("the shop is closed"));
}

SCENARIO("a table that cannot be loaded keeps the job from starting", "[operators][table]") {
  refreshed_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  t.from->set(weir::error(errc::io, "the shop is closed"));
  const auto started = t.job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == errc::io);
  CHECK_THAT(started.error().message(), Catch::Contains("prices") && Catch::Contains("closed"));
  CHECK_FALSE(t.job.context().running());
  t.from->set(prices{{"a", 5}});
  CHECK(t.step() == std::vector{5, 5}); // it can be started again
}

SCENARIO("a loader that throws fails like one that returns an error", "[operators][table]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  const weir::refreshable_table<string, int> table(
      "broken", 0s, []() -> prices { throw std::runtime_error("no such file"); });
  weir::memory_stream(job.context(), std::make_shared<weir::memory_log<order>>())
      .join_table(table)
      .for_each_batch([](const auto&) {});
  const auto report = job.step();
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == errc::user_function_failed);
  CHECK_THAT(report.error().message(), Catch::Contains("no such file"));
}

SCENARIO("a slow load delays no batch, and every record of a batch sees the same version",
         "[operators][table][refresh]") {
  // The loader stands still in the middle of its second call until the test lets it go on.
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  bool open = false;
  const weir::refreshable_table<string, int> table("slow", 1s, [&] {
    std::unique_lock lock(mutex);
    ++calls;
    changed.notify_all();
    changed.wait(lock, [&] { return calls != 2 || open; });
    return prices{{"a", calls}, {"b", calls}};
  });
  auto options = weir::test::options_for({.executor = weir::executor_kind::actors});
  options.block.max_records = 1;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<order>>(2);
  auto results = std::make_shared<weir::memory_table<row<int>>>();
  const auto in = weir::memory_stream(job.context(), log);
  in.join_table(table)
      .union_with(in.repartition(2).join_table(table)) // looked up in two stages
      .to(weir::memory_sink(results));
  const auto step = [&] {
    for (std::uint32_t p = 0; p < 2; ++p)
      log->append_all({{"a", 1}, {"b", 1}, {"a", 1}}, p);
    REQUIRE(job.step());
    std::set<int> versions;
    const auto batches = results->batches();
    for (const auto& one : batches.back().rows)
      versions.insert(one.second.second);
    REQUIRE(versions.size() == 1);
    return *versions.begin();
  };
  CHECK(step() == 1); // its time is when the reload is due
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 10s, [&] { return calls == 2; }));
  }
  CHECK(step() == 1);
  CHECK(step() == 1);
  {
    std::lock_guard guard(mutex);
    open = true;
  }
  changed.notify_all();
  REQUIRE(comes_true([&] { return table.loads().loads == 2; }));
  CHECK(step() >= 2);
  for (int i = 0; i < 20; ++i)
    (void)step(); // reloads run beside the batches now
}
