// Joins with themselves, in bounded runs, held back by a sink, aborted, and beyond their share of
// memory.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/join_jobs.hpp>

using namespace std::chrono_literals;
using std::optional;
using std::string;
using weir::errc;
using weir::test::every_mode;
using weir::test::joined_rows;
using weir::test::partitioned;
using weir::test::two_inputs;

namespace {

using stock = std::pair<string, int>;
using price = std::pair<string, string>;
template <class L, class R>
using row = std::pair<string, std::pair<L, R>>;

/// Two batches in two partitions: one where keys meet, one where the right side is empty.
const std::vector<two_inputs<stock, price>> batches = {
    {.left = {{{"tea", 1}, {"milk", 2}}, {{"tea", 3}}},
     .right = {{{"tea", "dear"}}, {{"salt", "cheap"}, {"tea", "green"}}}},
    {.left = {{{"milk", 4}}, {}}, .right = {{}, {}}}};

} // namespace

SCENARIO("a stream may be joined with itself", "[operators][join]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto rows = joined_rows(how, batches, [](auto left, auto right) {
    right.for_each_batch([](const auto&) {});
    return left.join(left).map([](const row<int, int>& r) { return r.second; });
  });
  CHECK(rows[0] == std::vector<std::pair<int, int>>{{1, 1}, {1, 3}, {2, 2}, {3, 1}, {3, 3}});
}

SCENARIO("a join reads everything there is, then ends", "[operators][join]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto trigger = GENERATE(weir::trigger::available_now, weir::trigger::once);
  auto options = weir::test::options_for(how);
  options.trigger = trigger;
  auto ctx = *weir::context::make(options);
  auto left = std::make_shared<weir::memory_log<stock>>(2);
  auto right = std::make_shared<weir::memory_log<price>>(2);
  weir::test::append(*left, batches[0].left);
  weir::test::append(*right, batches[0].right);
  auto table = std::make_shared<weir::memory_table<row<int, string>>>();
  weir::memory_stream(ctx, left).join(weir::memory_stream(ctx, right)).to(weir::memory_sink(table));
  REQUIRE(ctx.start());
  REQUIRE(ctx.await());
  CHECK(table->rows().size() == 4);
}

SCENARIO("the pairs of a hot key leave one by one, and wait while the sink does",
         "[operators][join][credit]") {
  const auto how = GENERATE(from_range(every_mode()));
  weir::testing::stepped_job job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<std::pair<int, int>>>();
  log->append_all(std::vector<std::pair<int, int>>(10'000, {7, 7}));
  const auto in = weir::memory_stream(job.context(), log);
  auto control = std::make_shared<weir::test::sink_control>();
  std::atomic<std::int64_t> pairs = 0;
  in.join(in)
      .inspect([&](const auto&) { ++pairs; })
      .map([](const auto&) { return 1; })
      .to(weir::test::to_fake_sink<int>(control));
  control->shut();
  REQUIRE(job.context().start());
  job.clock().advance(1s);
  job.context().run_ready();
  REQUIRE(control->wait_until_blocked());
  REQUIRE(job.context().stop(0s, weir::stop_mode::abandon));
  CHECK(pairs > 0);
  CHECK(pairs < 100'000); // of 100,000,000
}

SCENARIO("a batch that is aborted in the middle of a join leaves nothing to the next",
         "[operators][join][abort]") {
  // The second start runs in fresh replicas; the retry inside one start is in the model's test.
  const auto how = GENERATE(from_range(every_mode()));
  weir::test::two_logs<stock, price> t(weir::test::options_for(how));
  auto table = std::make_shared<weir::memory_table<row<int, string>>>();
  bool fails = true;
  t.left()
      .join(t.right())
      .inspect([&](const auto&) {
        if (fails)
          throw std::runtime_error("not yet");
      })
      .to(weir::memory_sink(table));
  t.append(batches[0]);
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::user_function_failed);
  CHECK_FALSE(t.job.context().await());
  CHECK(table->rows().empty());
  fails = false;
  REQUIRE(t.job.step());
  CHECK(table->rows().size() == 4);
}

SCENARIO("a join that keeps more than its share fails with its name", "[operators][join]") {
  auto options = weir::test::options_for();
  options.memory_budget = 8 << 20;
  weir::test::two_logs<std::pair<int, string>, std::pair<int, int>> t(options);
  t.left().join(t.right()).for_each_batch([](const auto&) {});
  for (int i = 0; i < 20'000; ++i)
    t.left_log->append({i, string(500, 'x')});
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::out_of_budget);
  CHECK_THAT(report->failure->message(), Catch::Contains("'join'"));
}

SCENARIO("streams of two contexts cannot meet", "[operators][join]") {
  auto one = *weir::context::make({});
  auto two = *weir::context::make({});
  const auto left = weir::memory_stream(one, std::make_shared<weir::memory_log<stock>>());
  const auto right = weir::memory_stream(two, std::make_shared<weir::memory_log<price>>());
  left.join(right).for_each_batch([](const auto&) {});
  left.cogroup(right, 200).for_each_batch([](const auto&) {});
  const auto started = one.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == errc::invalid_graph);
  const auto text = started.error().to_string();
  CHECK_THAT(text, Catch::Contains("join joins streams of two contexts") &&
                       Catch::Contains("cogroup joins streams of two contexts") &&
                       Catch::Contains("the number of partitions is 200") &&
                       Catch::Contains("join_limits_test.cpp"));
}
