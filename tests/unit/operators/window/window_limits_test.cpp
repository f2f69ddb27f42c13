// Windows that do not fit: memory, lengths, slides, ticks that were merged, batches without a
// clock.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::test::every_mode;

namespace {

constexpr auto plus = std::plus<>{};
constexpr auto minus = std::minus<>{};

} // namespace

SCENARIO("a window that does not fit its share of memory fails the batch", "[operators][window]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.memory_budget = 8 << 20;
  auto job = weir::testing::stepped_job::make(options);
  REQUIRE(job);
  auto log = std::make_shared<weir::memory_log<std::int64_t>>();
  weir::memory_stream(job->context(), log)
      .window(60s)
      .count()
      .to(weir::memory_sink(std::make_shared<weir::memory_table<std::int64_t>>()));
  std::optional<weir::error> failure;
  for (int batch = 0; batch < 60 && !failure; ++batch) {
    log->append_all(std::vector<std::int64_t>(50'000, 1));
    const auto report = job->step();
    REQUIRE(report);
    failure = report->failure;
  }
  REQUIRE(failure);
  CHECK(failure->code() == weir::errc::out_of_budget);
  CHECK_THAT(failure->message(), Contains("window"));
}

SCENARIO("lengths and slides that do not fit are mistakes with the line of the call",
         "[operators][window]") {
  auto ctx = weir::context::make({.batch_interval = 500ms});
  REQUIRE(ctx);
  auto in = weir::memory_stream(*ctx, std::make_shared<weir::memory_log<int>>(1));
  const auto ignore = [](const auto&) {};
  in.window(1200ms).for_each_batch(ignore);
  in.count_by_window(0s).for_each_batch(ignore);
  in.reduce_by_window(plus, 2s, 750ms).for_each_batch(ignore);
  in.window(1s, 1s).window(1500ms).for_each_batch(ignore);
  const auto line = std::source_location::current().line() - 1;
  in.window(1s, -1s).for_each_batch(ignore);
  const auto started = ctx->start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == weir::errc::invalid_graph);
  const auto& causes = started.error().causes();
  REQUIRE(causes.size() == 5);
  CHECK_THAT(causes[0].message(), Contains("length") && Contains("1200 ms") && Contains("500 ms"));
  CHECK_THAT(causes[1].message(), Contains("0 ms"));
  CHECK_THAT(causes[2].message(), Contains("slide") && Contains("750 ms"));
  CHECK_THAT(causes[3].message(),
             Contains("1500 ms") && Contains("1000 ms") && Contains("'window'"));
  CHECK_THAT(causes[3].to_string(), Contains(std::to_string(line)));
  CHECK_THAT(causes[4].message(), Contains("-1000 ms"));
}

SCENARIO("streams of different slides do not join", "[operators][window]") {
  auto ctx = weir::context::make();
  REQUIRE(ctx);
  auto in = weir::memory_stream(*ctx, std::make_shared<weir::memory_log<int>>(1));
  in.union_with(in.window(2s, 2s)).for_each_batch([](const auto&) {});
  in.window(3s, 2s).union_with(in.window(4s, 2s)).for_each_batch([](const auto&) {});
  const auto started = ctx->start();
  REQUIRE_FALSE(started);
  REQUIRE(started.error().causes().size() == 1);
  CHECK_THAT(started.error().causes()[0].message(),
             Contains("union_with") && Contains("every 2") && Contains("every 1 "));
}

SCENARIO("merged ticks count: what is too old leaves the window", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  auto log = std::make_shared<weir::memory_log<int>>();
  auto in = weir::memory_stream(job->context(), log);
  auto sliding = std::make_shared<weir::memory_table<int>>();
  auto inverse = std::make_shared<weir::memory_table<int>>();
  auto apart = std::make_shared<weir::memory_table<int>>();
  in.window(3s).to(weir::memory_sink(sliding));
  in.reduce_by_window(plus, minus, 3s).to(weir::memory_sink(inverse));
  in.window(2s, 2s).to(weir::memory_sink(apart));
  const auto run = [&](int record, weir::duration later = 0s) {
    log->append(record);
    job->clock().advance(later);
    const auto report = job->step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  };
  const auto last = [](const auto& table) { return table->batches().back().rows; };
  using rows = std::vector<int>;
  run(1);
  run(10, 1s); // batches 2 and 3 in one
  CHECK(last(sliding) == rows{1, 10});
  CHECK(last(inverse) == rows{11});
  CHECK(apart->batches().size() == 1); // the window that ended with the second tick
  CHECK(last(apart) == rows{1});
  run(100);
  CHECK(last(sliding) == rows{10, 100}); // (1, 4]
  CHECK(last(inverse) == rows{110});
  CHECK(last(apart) == rows{10, 100}); // (2, 4]
  run(1000, 4s);                       // 5 to 9
  CHECK(last(sliding) == rows{1000});
  CHECK(last(inverse) == rows{1000});
  CHECK(last(apart) == rows{}); // (4, 8]: whole windows were missed, and nothing came in them
  run(10000);
  CHECK(last(apart) == rows{1000, 10000}); // (8, 10]
}

SCENARIO("where batches do not follow the clock each counts as one interval",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::available_now;
  options.batch_interval = 1s;
  options.rate_control = {.enabled = true, .first_batch_rate = 2, .partition = {.ceiling = 2}};
  auto ctx = weir::context::make(options);
  REQUIRE(ctx);
  auto log = std::make_shared<weir::memory_log<int>>();
  log->append_all({1, 2, 3, 4, 5, 6, 7, 8});
  auto in = weir::memory_stream(*ctx, log);
  auto windows = std::make_shared<weir::memory_table<int>>();
  in.window(2s, 2s).to(weir::memory_sink(windows));
  REQUIRE(ctx->start());
  REQUIRE(ctx->await());
  REQUIRE(windows->batches().size() == 2);
  CHECK(windows->batches()[0].rows == std::vector<int>{1, 2, 3, 4});
  CHECK(windows->batches()[1].rows == std::vector<int>{5, 6, 7, 8});
}
