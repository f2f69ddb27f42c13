// Batches that are aborted and read again by the same replicas, and batches that one side lacks.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/interrupted_source.hpp>
#include <tests/support/join_jobs.hpp>

using namespace std::chrono_literals;
using weir::errc;
using weir::test::every_mode;

namespace {

using record = std::pair<int, int>;

struct interrupted_job {
  explicit interrupted_job(weir::context_options options)
      : job(*weir::testing::stepped_job::make(std::move(options))) {}
  weir::stream<record> left() {
    return weir::test::interrupted_stream(job.context(), left_log, by);
  }
  weir::stream<record> right() { return weir::memory_stream(job.context(), right_log, "right"); }

  /// Runs `results` into a sink that stands still, aborts the open batch, and lets its second
  /// reading through. @returns the rows of that.
  template <class Results>
  auto rows_after_abort(const Results& results) {
    auto table =
        std::make_shared<weir::memory_table<typename std::remove_cvref_t<Results>::record_type>>();
    results.to(weir::memory_sink(table));
    results.map([](const auto&) { return 1; }).to(weir::test::to_fake_sink<int>(control));
    left_log->append_all({{1, 10}, {2, 20}, {2, 21}});
    right_log->append_all({{2, 7}, {3, 8}});
    control->shut();
    REQUIRE(job.context().start());
    job.clock().advance(1s);
    job.context().run_ready();
    REQUIRE(control->wait_until_blocked());
    by->abort_open_batch();
    const auto aborted = [&] { return !job.reports().empty(); };
    for (int i = 0; i < 10'000 && !aborted(); ++i) {
      job.context().run_ready();
      if (!aborted())
        std::this_thread::sleep_for(1ms);
    }
    REQUIRE(aborted());
    REQUIRE(job.reports()[0].failure);
    CHECK(job.reports()[0].failure->code() == errc::partitions_lost);
    control->reopen();
    const auto again = job.step();
    REQUIRE(again);
    REQUIRE_FALSE(again->failure);
    const auto batches = table->batches();
    REQUIRE_FALSE(batches.empty());
    return weir::test::sorted(batches.back().rows);
  }

  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_log<record>> left_log = std::make_shared<weir::memory_log<record>>();
  std::shared_ptr<weir::memory_log<record>> right_log =
      std::make_shared<weir::memory_log<record>>();
  std::shared_ptr<weir::test::interruption> by = std::make_shared<weir::test::interruption>();
  std::shared_ptr<weir::test::sink_control> control = std::make_shared<weir::test::sink_control>();
};

} // namespace

SCENARIO("a join that is aborted and read again has each pair once", "[operators][join][abort]") {
  interrupted_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  using row = std::pair<int, std::pair<int, int>>;
  CHECK(t.rows_after_abort(t.left().join(t.right()).share()) ==
        std::vector<row>{{2, {20, 7}}, {2, {21, 7}}});
}

SCENARIO("a cogroup that is aborted and read again has each value once",
         "[operators][join][abort]") {
  interrupted_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  const auto rows = t.rows_after_abort(t.left().cogroup(t.right()).share());
  using row = std::pair<int, std::pair<std::vector<int>, std::vector<int>>>;
  CHECK(rows == std::vector<row>{{1, {{10}, {}}}, {2, {{20, 21}, {7}}}, {3, {{}, {8}}}});
}

SCENARIO("a transform that is aborted and read again sees the batch once",
         "[operators][transform][abort]") {
  interrupted_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  const auto sizes = t.left().transform_with(t.right(), [](const auto& left, const auto& right) {
    return std::vector{left.size(), right.size()};
  });
  CHECK(t.rows_after_abort(sizes.share()) == std::vector<std::size_t>{2, 3});
}

SCENARIO("a batch that is aborted after it was remembered is not in the slice",
         "[operators][slice][abort]") {
  interrupted_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  const auto shared = t.left().map([](const record& r) { return r.second; }).share();
  const auto recent = shared.remember(1h);
  t.right().for_each_batch([](const auto&) {});
  CHECK(t.rows_after_abort(shared) == std::vector{10, 20, 21});
  const auto all = recent.slice(weir::batch_time(1'767'225'601s), weir::batch_time(1'767'225'602s));
  REQUIRE(all);
  CHECK(weir::test::sorted(*all) == std::vector{10, 20, 21});
}

SCENARIO("a batch that one side lacks is an error", "[operators][join][missing]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool transforms = GENERATE(false, true);
  interrupted_job t(weir::test::options_for(how));
  if (transforms)
    t.left()
        .transform_with(t.right(), [](const auto&, const auto&) { return std::vector<int>(); })
        .for_each_batch([](const auto&) {});
  else
    t.left().left_outer_join(t.right()).for_each_batch([](const auto&) {});
  REQUIRE(t.job.step());
  t.by->set_present(false);
  const auto report = t.job.step();
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == errc::invalid_graph);
  CHECK_THAT(report.error().to_string(),
             Catch::Contains(transforms ? "'transform_with'" : "'left_outer_join'") &&
                 Catch::Contains(transforms ? "'interrupted'" : "'shuffle'") &&
                 Catch::Contains("undone_test.cpp"));
}

SCENARIO("a missing batch stays missing behind a look-up and is not remembered",
         "[operators][table][missing]") {
  interrupted_job t(weir::test::options_for(GENERATE(from_range(every_mode()))));
  const weir::static_table<int, int> table{{1, 5}};
  std::atomic<int> batches = 0;
  const auto found = t.left().join_table(table).share();
  const auto recent = found.remember(1h);
  found.for_each_batch([&](const auto&) { ++batches; });
  t.left_log->append({1, 1});
  REQUIRE(t.job.step());
  t.by->set_present(false);
  REQUIRE(t.job.step());
  t.by->set_present(true);
  t.left_log->append({1, 2});
  REQUIRE(t.job.step());
  CHECK(batches == 2);
  const auto all = recent.slice(weir::batch_time(1'767'225'601s), weir::batch_time(1'767'225'603s));
  REQUIRE(all);
  CHECK(all->size() == 2);
}
