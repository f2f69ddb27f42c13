// Tables in memory that answer while the job runs.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <thread>

using namespace std::chrono_literals;
using count = std::pair<std::string, std::int64_t>;
using table = weir::keyed_memory_table<count>;
using rows = std::vector<count>;

namespace {

/// Counts words into a table.
struct counting_job {
  counting_job(weir::test::run_mode how, weir::memory_update update)
      : job(*weir::testing::stepped_job::make(weir::test::options_for(how))),
        log(std::make_shared<weir::memory_log<std::string>>(2)),
        counts(std::make_shared<table>(update)) {
    weir::memory_stream(job.context(), log).count_by_value().to(weir::memory_sink(counts));
  }
  void step(std::vector<std::string> words) {
    log->append_all(std::move(words), 1);
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  }

  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<std::string>> log;
  std::shared_ptr<table> counts;
};

} // namespace

SCENARIO("a keyed table has the last value of each key", "[connectors][memory]") {
  counting_job t(GENERATE(from_range(weir::test::every_mode())), weir::memory_update::by_key);
  CHECK(t.counts->rows().empty());
  t.step({"a", "b", "a"});
  CHECK(t.counts->rows() == rows{{"a", 2}, {"b", 1}});
  t.step({"b", "b", "c"});
  CHECK(t.counts->rows() == rows{{"a", 2}, {"b", 2}, {"c", 1}});
  CHECK(t.counts->find(std::string_view("b")) == 2);
  CHECK_FALSE(t.counts->find("z"));
  CHECK(t.counts->size() == 3);
  CHECK(t.counts->time() == weir::batch_time(1'767'225'602s));
  CHECK(t.counts->rows_where([](const std::string&, std::int64_t n) { return n == 2; }) ==
        rows{{"a", 2}, {"b", 2}});
}

SCENARIO("a table of complete results has the rows of the last batch alone",
         "[connectors][memory]") {
  counting_job t(GENERATE(from_range(weir::test::every_mode())), weir::memory_update::whole);
  t.step({"a", "b"});
  t.step({"c"});
  CHECK(t.counts->rows() == rows{{"c", 1}});
  t.step({});
  CHECK(t.counts->rows().empty());
}

SCENARIO("who asks while the job runs sees whole batches", "[connectors][memory]") {
  counting_job t({.executor = weir::executor_kind::actors}, weir::memory_update::by_key);
  std::atomic<bool> done = false;
  std::atomic<bool> torn = false;
  std::thread asks([&] {
    while (!done) {
      const auto seen = t.counts->rows();
      for (const auto& row : seen)
        if (row.second != seen.front().second || seen.size() != 3)
          torn = true;
    }
  });
  for (int i = 1; i < 30; ++i) {
    std::vector<std::string> words;
    for (int n = 0; n < i; ++n)
      words.insert(words.end(), {"a", "b", "c"});
    t.step(words);
  }
  done = true;
  asks.join();
  CHECK_FALSE(torn);
}

SCENARIO("a table of batches answers questions about its rows", "[connectors][memory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  auto all = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log).to(weir::memory_sink(all));
  CHECK_FALSE(all->last());
  log->append_all({1, 2, 3});
  REQUIRE(job.step());
  log->append(4);
  REQUIRE(job.step());
  CHECK(all->rows_where([](int n) { return n % 2 == 0; }) == std::vector{2, 4});
  REQUIRE(all->last());
  CHECK(all->last()->rows == std::vector{4});
}
