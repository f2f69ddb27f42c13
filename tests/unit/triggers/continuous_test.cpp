// Epochs: records flow as they arrive, barriers follow every interval.
#include "epochs.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::test::continuous;
using weir::test::every_mode;
using weir::test::run_until;
using weir::test::seen_rows;
using ranges = std::vector<weir::offset_range>;
using texts = std::vector<std::string>;
using ints = std::vector<int>;

namespace {

/// A log whose job can be interrupted as by a rebalance.
class interrupted_source final : public weir::source {
public:
  struct interruption {
    weir::source_host* host = nullptr;
    std::atomic<bool> done{false};
    std::optional<weir::quiesce_kind> wanted; ///< Read by `poll`.
    std::mutex mutex;
    void ask(weir::quiesce_kind kind) {
      {
        std::lock_guard guard(mutex);
        wanted = kind;
      }
      host->wake();
    }
  };

  interrupted_source(std::shared_ptr<weir::memory_log<int>> log, std::shared_ptr<interruption> by)
      : log_("log", std::move(log)), by_(std::move(by)) {}

  weir::expected<void> open(const weir::source_setup& setup) override {
    by_->host = setup.host;
    return log_.open(setup);
  }
  std::unique_ptr<weir::receiver> make_receiver(std::uint32_t r) override {
    return log_.make_receiver(r);
  }
  [[nodiscard]] bool runs_continuously() const override { return true; }
  void poll() override {
    std::lock_guard guard(by_->mutex);
    if (const auto kind = std::exchange(by_->wanted, std::nullopt))
      by_->host->quiesce(*kind, 5s, [by = by_] { by->done = true; });
  }
  weir::expected<std::vector<weir::partition_position>> survey() override { return log_.survey(); }
  weir::source_batch plan(const std::vector<weir::partition_position>& unread,
                          const std::vector<std::optional<std::uint64_t>>& limits) override {
    return log_.plan(unread, limits);
  }
  void completed(const weir::batch& whole, const weir::source_batch& work) override {
    log_.completed(whole, work);
  }
  void rewind(const weir::source_batch& first) override { log_.rewind(first); }
  weir::expected<void> close(weir::duration) override { return {}; }

private:
  weir::detail::memory_source<int> log_;
  std::shared_ptr<interruption> by_;
};

weir::stream<int> interrupted_stream(weir::context& to, std::shared_ptr<weir::memory_log<int>> log,
                                     std::shared_ptr<interrupted_source::interruption> by) {
  return weir::add_source<int>(
      to, {.label = "log",
           .make = [=] { return std::make_unique<interrupted_source>(log, by); },
           .max_replicas = 1,
           .mistakes = {}});
}

} // namespace

SCENARIO("records reach the sink while their epoch is open", "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<int>>(2);
  weir::memory_stream(job.context(), log)
      .map([](int n) { return n * 10; })
      .filter([](int n) { return n != 20; })
      .repartition(2)
      .to(seen.sink());
  REQUIRE(job.context().start());
  log->append_all({1, 2}, 0);
  CHECK(run_until(job.context(), [&] { return seen.rows() == ints{10}; }));
  log->append(3, 1);
  CHECK(run_until(job.context(), [&] { return seen.rows() == ints{10, 30}; }));
  CHECK(job.reports().empty());
  CHECK(seen.calls() == texts{"begin 1"});

  const auto report = job.step();
  REQUIRE(report);
  CHECK(report->epoch == weir::epoch(1));
  CHECK(report->time == weir::batch_time(1'767'225'601s));
  CHECK(report->records == 3);
  CHECK(report->sources[0].ranges == ranges{{"memory", 0, 0, 2, 2}, {"memory", 1, 0, 1, 1}});

  log->append(4);
  CHECK(run_until(job.context(), [&] { return seen.rows() == ints{10, 30, 40}; }));
  const auto second = job.step();
  REQUIRE(second);
  CHECK(second->time == weir::batch_time(1'767'225'602s));
  CHECK(second->sources[0].ranges == ranges{{"memory", 0, 2, 3, 3}, {"memory", 1, 1, 1, 1}});
  REQUIRE(job.context().stop());
  const auto calls = seen.calls();
  REQUIRE(calls.size() >= 4);
  CHECK(texts(calls.begin(), calls.begin() + 4) == texts{"begin 1", "commit", "begin 2", "commit"});
}

SCENARIO("a stop ends the open epoch and keeps what it has read", "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<int>>();
  auto table = std::make_shared<weir::memory_table<int>>();
  auto rows = weir::memory_stream(job.context(), log);
  rows.to(seen.sink());
  rows.to(weir::memory_sink(table));
  REQUIRE(job.context().start());
  log->append_all({1, 2, 3});
  REQUIRE(run_until(job.context(), [&] { return seen.rows().size() == 3; }));
  CHECK(table->rows().empty());
  const auto left = job.context().stop();
  REQUIRE(left);
  CHECK(left->in_time);
  CHECK(left->batches_left == 0);
  CHECK(table->rows() == ints{1, 2, 3});
}

SCENARIO("an epoch that took longer than its interval is followed by a whole one",
         "[triggers][continuous]") {
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous({}));
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log).to(seen.sink());
  REQUIRE(job.context().start());
  (void)job.context().run_ready();
  job.clock().advance(3500ms); // nobody looked at the first three ticks
  (void)job.context().run_ready();
  REQUIRE(job.reports().size() == 1);
  CHECK(job.reports()[0].time == weir::batch_time(1'767'225'601s));
  const auto second = *job.step();
  CHECK(second.time == weir::batch_time(1'767'225'604s));
  CHECK(second.merged_ticks == 2);
  CHECK(second.scheduling_delay == 0s);
}

SCENARIO("an aborted epoch is read again from its start", "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<int>>();
  auto by = std::make_shared<interrupted_source::interruption>();
  auto table = std::make_shared<weir::memory_table<int>>();
  auto rows = interrupted_stream(job.context(), log, by);
  rows.to(seen.sink());
  rows.to(weir::memory_sink(table));
  REQUIRE(job.context().start());
  log->append(0);
  REQUIRE(run_until(job.context(), [&] { return seen.rows() == ints{0}; }));
  REQUIRE(job.step());
  log->append_all({1, 2});
  REQUIRE(run_until(job.context(), [&] { return seen.rows() == ints{0, 1, 2}; }));

  WHEN("the partitions are lost") {
    by->ask(weir::quiesce_kind::lost);
    THEN("its records come again, and each is in one complete epoch") {
      REQUIRE(run_until(job.context(), [&] { return seen.rows() == ints{0, 1, 2, 1, 2}; }));
      CHECK(by->done);
      const auto reports = job.reports();
      REQUIRE(reports.size() == 2);
      REQUIRE(reports[1].failure);
      CHECK(reports[1].failure->code() == weir::errc::partitions_lost);
      const auto report = job.step();
      REQUIRE(report);
      CHECK(report->sources[0].ranges == ranges{{"log", 0, 1, 3, 3}});
      CHECK(table->rows() == ints{0, 1, 2});
    }
  }
  WHEN("the partitions may be finished") {
    by->ask(weir::quiesce_kind::finish);
    THEN("the epoch ends early and the next one opens") {
      REQUIRE(run_until(job.context(), [&] { return by->done && job.reports().size() == 2; }));
      CHECK_FALSE(job.reports()[1].failure);
      CHECK(table->rows() == ints{0, 1, 2});
      log->append(3);
      REQUIRE(run_until(job.context(), [&] { return seen.rows() == ints{0, 1, 2, 3}; }));
      job.clock().advance(1s); // that batch time has been used
      const auto report = job.step();
      REQUIRE(report);
      CHECK(report->time == job.reports()[1].time + 1s);
      CHECK(report->sources[0].ranges == ranges{{"log", 0, 3, 4, 4}});
    }
  }
}

SCENARIO("a rate limit holds while an epoch is open", "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  auto options = continuous(how);
  options.rate_control.partition.ceiling = 100; // a record every 10 ms
  seen_rows seen;                               // outlives the job
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>(2);
  weir::memory_stream(job.context(), log).to(seen.sink());
  for (std::uint32_t p = 0; p < 2; ++p)
    log->append_all(ints(1000, int(p)), p);
  REQUIRE(job.context().start());
  const auto of = [&](int p) {
    const auto rows = seen.rows();
    return std::count(rows.begin(), rows.end(), p);
  };
  for (int i = 1; i <= 90; ++i) {
    REQUIRE(run_until(job.context(), [&] { return of(0) == i && of(1) == i; }));
    job.clock().advance(10ms);
  }
  REQUIRE(run_until(job.context(), [&] { return of(0) == 91 && of(1) == 91; }));
  const auto report = *job.step();
  CHECK(report.records >= 182);
  CHECK(report.records <= 184); // a long step forward is not made up for
  CHECK(report.sources[0].allowed == 200);
}

SCENARIO("rate control learns from the time that the work took, not from the epoch's",
         "[triggers][continuous]") {
  auto options = continuous({});
  options.rate_control.enabled = true;
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log)
      .map([&clock = job.clock()](int n) {
        clock.advance(250us); // what a record costs
        return n;
      })
      .to(seen.sink());
  REQUIRE(job.context().start());
  std::optional<double> measured;
  for (std::size_t i = 1; i <= 3; ++i) {
    log->append_all(ints(100, 0));
    while (seen.rows().size() < i * 100) { // at 1,000 records/s, a quarter of the time busy
      (void)job.context().run_ready();
      job.clock().advance(1ms);
    }
    measured = job.step()->sources[0].rate.measured_rate;
  }
  REQUIRE(measured);
  CHECK(*measured == Approx(4000).epsilon(0.05));
}

SCENARIO("a source that reads in batches only cannot run continuously", "[triggers][continuous]") {
  class batches_only final : public weir::source {
  public:
    weir::expected<void> open(const weir::source_setup&) override { return {}; }
    std::unique_ptr<weir::receiver> make_receiver(std::uint32_t) override { return {}; }
    weir::expected<std::vector<weir::partition_position>> survey() override {
      return std::vector<weir::partition_position>();
    }
    weir::source_batch plan(const std::vector<weir::partition_position>&,
                            const std::vector<std::optional<std::uint64_t>>&) override {
      return {};
    }
    void completed(const weir::batch&, const weir::source_batch&) override {}
    void rewind(const weir::source_batch&) override {}
    weir::expected<void> close(weir::duration) override { return {}; }
  };
  auto job = *weir::context::make(continuous({}));
  weir::add_source<int>(job, {.label = "files",
                              .make = [] { return std::make_unique<batches_only>(); },
                              .max_replicas = 1,
                              .mistakes = {}})
      .print();
  const auto started = job.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == weir::errc::invalid_config);
  CHECK(started.error().to_string().find("source 'files' cannot run under trigger::continuous") !=
        std::string::npos);
}
