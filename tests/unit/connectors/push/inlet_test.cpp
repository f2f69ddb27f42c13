// Records pushed by the host's threads.
#include <weir/connectors/push/inlet.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <numeric>
#include <thread>

using namespace std::chrono_literals;
using weir::push_result;
using weir::test::every_mode;
using weir::test::options_for;
using weir::test::run_mode;
using weir::test::sorted;

namespace {

/// A job from inlets to a table.
struct pushed_job {
  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_table<int>> table = std::make_shared<weir::memory_table<int>>();

  explicit pushed_job(weir::context_options options = options_for())
      : job(*weir::testing::stepped_job::make(std::move(options))) {}
  void read(const weir::inlet<int>& in) {
    weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  }
  weir::batch_report step() {
    auto report = job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    return *report;
  }
  std::vector<std::vector<int>> rows() const {
    std::vector<std::vector<int>> rows;
    for (auto& batch : table->batches())
      rows.push_back(batch.rows);
    return rows;
  }
};

using row_lists = std::vector<std::vector<int>>;

} // namespace

SCENARIO("what is pushed is in the next batch, in order", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in;
  t.read(in);
  REQUIRE(in.push(1)); // before the start
  REQUIRE(in.push(2));
  t.step();
  t.step(); // nothing was pushed: an empty batch
  REQUIRE(in.push(3));
  const auto report = t.step();
  CHECK(t.rows() == row_lists{{1, 2}, {}, {3}});
  CHECK(report.sources[0].name == "inlet");
  CHECK(report.sources[0].ranges == std::vector<weir::offset_range>{{"inlet", 0, 2, 3, 3}});
}

SCENARIO("inlets are unioned, and each keeps its order", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> odd, even;
  weir::inlet_stream(t.job.context(), odd)
      .union_with(weir::inlet_stream(t.job.context(), even))
      .to(weir::memory_sink(t.table));
  for (int n = 0; n < 3000; ++n)
    REQUIRE((n % 2 ? odd : even).push(n));
  t.step();
  std::vector<int> odds, evens;
  for (const int n : t.table->rows())
    (n % 2 ? odds : evens).push_back(n);
  CHECK(odds.size() == 1500);
  CHECK(std::is_sorted(odds.begin(), odds.end()));
  CHECK(evens.size() == 1500);
  CHECK(std::is_sorted(evens.begin(), evens.end()));
}

SCENARIO("several threads push into one inlet", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in;
  t.read(in);
  t.step();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (int n = 0; n < 1000; ++n)
          CHECK(in.push(thread * 1000 + n));
      });
  }
  t.step();
  std::vector<int> all(4000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(sorted(t.table->rows()) == all);
}

SCENARIO("a block waits for its interval", "[push]") {
  auto options = options_for();
  options.batch_interval = 100ms;
  pushed_job t(options);
  weir::inlet<int> in({.name = "inlet", .block_interval = 30ms});
  t.read(in);
  t.step();
  t.job.clock().advance(95ms); // 5 ms before the tick: the block is due at a multiple of 30 ms
  REQUIRE(in.push(1));
  t.step();
  CHECK(t.rows() == row_lists{{}, {}});
  t.step();
  CHECK(t.rows() == row_lists{{}, {}, {1}});
}

SCENARIO("a full buffer refuses, and a push waits for room", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in({.name = "inlet", .max_records = 3});
  t.read(in);
  t.step();
  for (int n = 0; n < 3; ++n)
    CHECK(in.try_push(n) == push_result::taken);
  CHECK(in.try_push(3) == push_result::full);
  std::atomic<bool> room = false;
  in.when_room([&] { room = true; });
  CHECK_FALSE(room);
  std::jthread waits([&] { CHECK(in.push(4)); });
  t.step();
  waits.join();
  CHECK(room);
  t.step();
  CHECK(t.rows() == row_lists{{}, {0, 1, 2}, {4}});
}

SCENARIO("bytes bound the buffer, too, and a longer record is refused", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = *weir::testing::stepped_job::make(options_for(how));
  auto table = std::make_shared<weir::memory_table<std::string>>();
  weir::inlet<std::string> in({.name = "inlet", .max_bytes = 1000});
  weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  CHECK(in.try_push(std::string(2 << 20, 'x')) == push_result::full); // nobody knows the limit yet
  REQUIRE(job.step());
  CHECK(in.try_push(std::string(5000, 'x')) == push_result::too_long);
  const auto refused = in.push(std::string(5000, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == weir::errc::out_of_budget);
  CHECK_THAT(refused.error().message(),
             Catch::Contains("1000 bytes") && Catch::Contains("push_options::max_bytes"));
  const std::string most(900, 'x');
  CHECK(in.try_push(most) == push_result::taken);
  CHECK(in.try_push(most) == push_result::taken);
  CHECK(in.try_push("y") == push_result::full);
  REQUIRE(job.step());
  CHECK(in.try_push("z") == push_result::taken);
  REQUIRE(job.step());
  CHECK(table->rows() == std::vector<std::string>{most, most, "z"});
}

SCENARIO("a record that is longer than the job's memory is refused, and the job goes on",
         "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = options_for(how);
  options.memory_budget = 8 << 20;
  auto job = *weir::testing::stepped_job::make(options);
  auto table = std::make_shared<weir::memory_table<std::string>>();
  weir::inlet<std::string> in;
  weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  REQUIRE(job.step());
  const auto refused = in.push(std::string(20 << 20, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == weir::errc::out_of_budget);
  REQUIRE(in.push("y"));
  REQUIRE(job.step());
  CHECK(table->rows() == std::vector<std::string>{"y"});
}

SCENARIO("an inlet has one stream as long as its context lives", "[push]") {
  weir::inlet<int> in({.name = "orders"});
  {
    pushed_job first;
    pushed_job second;
    first.read(in);
    second.read(in);
    const auto started = second.job.context().start();
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().to_string(),
               Catch::Contains("the inlet 'orders' has a stream already"));
    REQUIRE(first.job.context().start());
  }
  pushed_job third;
  third.read(in);
  REQUIRE(third.job.context().start());

  pushed_job twice;
  weir::inlet<int> other;
  twice.read(other);
  twice.read(other);
  const auto started = twice.job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == weir::errc::invalid_graph);
}

SCENARIO("views are copied when they are pushed", "[push]") {
  auto job = *weir::testing::stepped_job::make(options_for());
  auto table = std::make_shared<weir::memory_table<std::string_view>>();
  weir::inlet<std::string_view> in;
  weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  std::string bytes = "some characters beyond the small buffer";
  REQUIRE(in.push(bytes));
  bytes.assign(bytes.size(), 'x');
  REQUIRE(job.step());
  CHECK(table->rows() == std::vector<std::string>{"some characters beyond the small buffer"});
}

SCENARIO("a stop drains what was pushed and refuses what comes later", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in;
  t.read(in);
  t.step();
  REQUIRE(in.push(1));
  const auto left = t.job.context().stop();
  REQUIRE(left);
  CHECK(left->in_time);
  CHECK(left->batches_left == 0);
  CHECK(t.rows() == row_lists{{}, {1}});
  CHECK(in.try_push(2) == push_result::closed);
  CHECK(in.push(2).error().code() == weir::errc::stopped);

  t.step(); // a new start takes records again
  CHECK(in.try_push(3) == push_result::taken);
  t.step();
  CHECK(t.rows() == row_lists{{}, {1}, {}, {3}});
}

SCENARIO("a job ends when its inlets are closed and read", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in;
  t.read(in);
  REQUIRE(in.push(1));
  in.close();
  CHECK(in.try_push(2) == push_result::closed);
  t.step();
  CHECK(t.job.context().await());
  CHECK_FALSE(t.job.context().running());
  CHECK(t.rows() == row_lists{{1}});
}

SCENARIO("an abandoned batch is read again by the next start", "[push]") {
  const auto how = GENERATE(from_range(every_mode()));
  pushed_job t(options_for(how));
  weir::inlet<int> in;
  bool fails = true;
  weir::inlet_stream(t.job.context(), in)
      .map([&](int n) { return fails ? throw std::runtime_error("not now") : n; })
      .to(weir::memory_sink(t.table));
  REQUIRE(in.push(1));
  CHECK(t.step().failure);
  CHECK_FALSE(t.job.context().await());
  fails = false;
  t.step();
  REQUIRE(in.push(2));
  t.step();
  CHECK(t.rows() == row_lists{{1}, {2}});
}

SCENARIO("under continuous a record goes on as soon as it is pushed", "[push][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = options_for(how);
  options.trigger = weir::trigger::continuous;
  auto job = *weir::testing::stepped_job::make(options);
  weir::inlet<int> odd, even;
  std::atomic<int> seen = 0;
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::inlet_stream(job.context(), odd)
      .union_with(weir::inlet_stream(job.context(), even))
      .inspect([&](int) { ++seen; })
      .to(weir::memory_sink(table));
  const auto come = [&](int count) {
    for (int i = 0; i < 10'000 && seen < count; ++i) {
      (void)job.context().run_ready();
      std::this_thread::sleep_for(1ms);
    }
    return seen == count;
  };
  REQUIRE(job.context().start());
  for (int n = 0; n < 10; ++n) { // the clock stands still
    REQUIRE((n % 2 ? odd : even).push(n));
    REQUIRE(come(n + 1));
  }
  const auto first = job.step();
  REQUIRE(first);
  CHECK(first->records == 10);
  REQUIRE(odd.push(11));
  REQUIRE(come(11));
  REQUIRE(job.step());
  CHECK(sorted(table->rows()) == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11});
  REQUIRE(even.push(12));
  REQUIRE(job.context().stop());
  CHECK(table->rows().back() == 12);
}

SCENARIO("mistakes in the options come from start", "[push]") {
  pushed_job t;
  weir::inlet<int> in({.name = "fast", .block_interval = 10us, .max_rate = 0.0});
  t.read(in);
  const auto started = t.job.context().start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(),
             Catch::Contains("block_interval of 'fast'") && Catch::Contains("max_rate of 'fast'"));
}
