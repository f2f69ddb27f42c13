// Actions on whole batches and partitions, and sinks that fail or stop.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::errc;
using weir::test::every_mode;
using weir::test::sink_control;
using texts = std::vector<std::string>;

namespace {

/// Collects lines from any thread.
struct notes {
  void add(std::string line) {
    std::lock_guard guard(mutex);
    lines.push_back(std::move(line));
  }
  std::mutex mutex;
  texts lines;
};

/// A job from memory, with its input.
struct small_job {
  explicit small_job(weir::context_options options, std::uint32_t partitions = 1)
      : job(*weir::testing::stepped_job::make(std::move(options))),
        input(std::make_shared<weir::memory_log<int>>(partitions)) {}
  weir::stream<int> in() { return weir::memory_stream(job.context(), input, "numbers"); }

  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<int>> input;
};

} // namespace

SCENARIO("for_each_batch sees each batch once, empty ones too, with its offset ranges",
         "[operators][for_each]") {
  const auto how = GENERATE(from_range(every_mode()));
  small_job t(weir::test::options_for(how), 2);
  notes seen;
  t.in().for_each_batch([&](const weir::batch_view<int>& batch) {
    const auto& ranges = batch.offset_ranges();
    seen.add(fmt::format(
        "{} ms: {} in {} partitions, {} [{}, {}) [{}, {})", weir::milliseconds_of(batch.time()),
        fmt::join(weir::test::sorted(batch.collect()), " "), batch.partitions().size(),
        ranges[0].topic, ranges[0].from, ranges[0].until, ranges[1].from, ranges[1].until));
  });
  t.input->append_all({1, 2}, 0);
  t.input->append_all({3}, 1);
  REQUIRE(t.job.step());
  REQUIRE(t.job.step());
  t.input->append(4, 1);
  REQUIRE(t.job.step());
  CHECK(seen.lines == texts{"1767225601000 ms: 1 2 3 in 2 partitions, numbers [0, 2) [0, 1)",
                            "1767225602000 ms:  in 2 partitions, numbers [2, 2) [1, 1)",
                            "1767225603000 ms: 4 in 2 partitions, numbers [2, 2) [1, 2)"});
}

SCENARIO("for_each_partition sees each partition once, empty ones too", "[operators][for_each]") {
  const auto how = GENERATE(from_range(every_mode()));
  small_job t(weir::test::options_for(how), 3);
  notes seen;
  t.in().for_each_partition([&](const weir::partition_view<int>& one) {
    seen.add(fmt::format("{}: {}", one.id(), fmt::join(one, " ")));
  });
  t.input->append_all({1, 2}, 0);
  t.input->append_all({3}, 2);
  REQUIRE(t.job.step());
  CHECK(weir::test::sorted(seen.lines) == texts{"0: 1 2", "1: ", "2: 3"});
}

SCENARIO("a batch that keeps more than its share of memory fails with the operator's name",
         "[operators][for_each]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.memory_budget = 8 << 20; // 2.9 MB for what is kept
  small_job t(options);
  bool called = false;
  t.in().for_each_batch([&](const weir::batch_view<int>&) { called = true; });
  t.input->append_all(std::vector<int>(1'000'000, 7));
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::out_of_budget);
  CHECK_THAT(report->failure->message(),
             Catch::Contains("'for_each_batch'") && Catch::Contains("memory_budget"));
  CHECK_FALSE(called);
}

SCENARIO("group_by_key that keeps more than its share fails with its name",
         "[operators][group_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.memory_budget = 8 << 20;
  small_job t(options);
  t.in()
      .map([](int n) { return std::pair(n % 10, n); })
      .group_by_key()
      .for_each_batch([](const auto&) {});
  t.input->append_all(std::vector<int>(1'000'000, 7));
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::out_of_budget);
  CHECK_THAT(report->failure->message(), Catch::Contains("'group_by_key'"));
}

SCENARIO("a sink hears begin, its records, prepare and commit for each batch",
         "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool blocking = GENERATE(false, true);
  auto control = std::make_shared<sink_control>();
  {
    small_job t(weir::test::options_for(how));
    t.in().to(weir::test::to_fake_sink<int>(control, {.name = "fake", .blocking = blocking}));
    t.input->append_all({1, 2});
    REQUIRE(t.job.step());
    REQUIRE(t.job.step());
    REQUIRE(t.job.context().stop());
  }
  CHECK(control->calls() == texts{"open", "begin", "write 1", "write 2", "prepare", "commit",
                                  "begin", "prepare", "commit", "close"});
}

SCENARIO("a parallel sink has a replica per worker thread, each with partitions of its own",
         "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto control = std::make_shared<sink_control>();
  small_job t(weir::test::options_for(how), 3);
  t.in().to(weir::test::to_fake_sink<int>(control, {.name = "fake", .parallel = true}));
  for (std::uint32_t p = 0; p < 3; ++p)
    t.input->append(static_cast<int>(p), p);
  const auto report = t.job.step();
  REQUIRE(report);
  CHECK(report->operators[1].replicas == 2);
  CHECK(control->count("open") == 2);
  CHECK(control->count("commit") == 2);
  for (const auto* record : {"write 0", "write 1", "write 2"})
    CHECK(control->count(record) == 1);
}

SCENARIO("a sink that is not ready is called again after its wake-up", "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto control = std::make_shared<sink_control>();
  small_job t(weir::test::options_for(how));
  t.in().to(weir::test::to_fake_sink<int>(control));
  t.input->append_all({1, 2, 3});
  control->shut();
  REQUIRE(t.job.context().start());
  t.job.clock().advance(1s);
  t.job.context().run_ready();
  REQUIRE(control->wait_until_blocked());
  CHECK(control->count("commit") == 0);
  CHECK(t.job.reports().empty());
  control->reopen();
  REQUIRE(t.job.context().stop());
  CHECK(control->calls() ==
        texts{"open", "begin", "write 1", "write 2", "write 3", "prepare", "commit", "close"});
  REQUIRE(t.job.reports().size() == 1);
  CHECK_FALSE(t.job.reports()[0].failure);
}

SCENARIO("a sink that fails aborts the batch, and its error ends the job", "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::string where = GENERATE("begin", "write", "prepare", "commit");
  CAPTURE(how, where);
  auto control = std::make_shared<sink_control>();
  small_job t(weir::test::options_for(how));
  t.in().to(weir::test::to_fake_sink<int>(control));
  t.input->append(1);
  REQUIRE(t.job.step());
  t.input->append_all({2, 3});
  control->fail_in(where);
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::sink_failed);
  const auto ended = t.job.context().await();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == errc::sink_failed);
  CHECK_FALSE(t.job.context().running());
  CHECK(control->count("commit") ==
        (where == "commit" ? 2 : 1)); // the first batch's, and the one that failed
  CHECK(control->count("abort") == 1);
  CHECK(control->calls().back() == "close");
}

SCENARIO("a failure in one sink aborts the batch in the others", "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto good = std::make_shared<sink_control>();
  auto bad = std::make_shared<sink_control>();
  small_job t(weir::test::options_for(how));
  const auto in = t.in();
  in.to(weir::test::to_fake_sink<int>(good));
  in.to(weir::test::to_fake_sink<int>(bad));
  good->shut(); // it would wait for ever
  bad->fail_in("write");
  t.input->append(1);
  const auto report = t.job.step();
  REQUIRE(report);
  CHECK(report->failure);
  CHECK(good->count("commit") == 0);
  CHECK_FALSE(t.job.context().await());
  CHECK(bad->count("abort") == 1);
}

SCENARIO("a sink that cannot open keeps the job from starting, and only what was opened is closed",
         "[operators][sink]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto good = std::make_shared<sink_control>();
  auto bad = std::make_shared<sink_control>();
  small_job t(weir::test::options_for(how));
  const auto in = t.in();
  in.to(weir::test::to_fake_sink<int>(good));
  in.to(weir::test::to_fake_sink<int>(bad));
  bad->fail_in("open");
  const auto started = t.job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == errc::sink_failed);
  CHECK_FALSE(t.job.context().running());
  CHECK(good->calls() == texts{"open", "close"});
  CHECK(bad->calls() == texts{"open"});
  bad->fail_in("");
  THEN("it can be started again") { CHECK(t.job.step()); }
}

SCENARIO("memory stays bounded while a sink stands still", "[operators][credit]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.memory_budget = 8 << 20;
  small_job t(options);
  auto control = std::make_shared<sink_control>();
  std::atomic<int> read = 0;
  t.in().inspect([&](int) { ++read; }).to(weir::test::to_fake_sink<int>(control));
  t.input->append_all(std::vector<int>(2'000'000, 7)); // 8 MB; all edges together have 1.7 MB
  control->shut();
  REQUIRE(t.job.context().start());
  t.job.clock().advance(1s);
  t.job.context().run_ready();
  REQUIRE(control->wait_until_blocked());
  REQUIRE(t.job.context().stop(0s, weir::stop_mode::abandon));
  CHECK(static_cast<std::size_t>(read) * sizeof(int) <= (8 << 20) / 20 * 4);
  CHECK(control->count("abort") == 1);
}
