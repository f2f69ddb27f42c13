// Starting, stopping, waiting, starting again; several at once; who hears what.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

#include <mutex>
#include <set>

using namespace std::chrono_literals;
using weir::errc;
using weir::stop_mode;
using weir::test::every_mode;
using weir::test::sink_control;
using texts = std::vector<std::string>;

namespace {

/// Numbers into a fake sink.
struct numbers_job {
  explicit numbers_job(weir::context_options options)
      : job(*weir::testing::stepped_job::make(std::move(options))) {
    weir::memory_stream(job.context(), input, "numbers").to(weir::test::to_fake_sink<int>(sink));
  }
  explicit numbers_job(weir::test::run_mode how) : numbers_job(weir::test::options_for(how)) {}

  /// Three batches of one, two and three records: the first one stands in the sink, the others
  /// wait.
  void pile_up() {
    sink->shut();
    REQUIRE(job.context().start());
    for (int n = 1; n <= 3; ++n) {
      input->append_all(std::vector<int>(static_cast<std::size_t>(n), n));
      const auto before = submitted();
      job.clock().advance(1s);
      job.context().run_ready();
      while (submitted() == before) // actors: until the control thread has seen the tick
        std::this_thread::yield();
    }
    REQUIRE(sink->wait_until_blocked());
  }
  int submitted() const { return count->submitted; }

  struct counter final : weir::listener {
    void on_submitted(const weir::batch&) override { ++submitted; }
    std::atomic<int> submitted = 0;
  };

  std::shared_ptr<weir::memory_log<int>> input = std::make_shared<weir::memory_log<int>>();
  std::shared_ptr<sink_control> sink = std::make_shared<sink_control>();
  weir::testing::stepped_job job;
  std::shared_ptr<counter> count = [this] {
    auto made = std::make_shared<counter>();
    job.context().add_listener(made);
    return made;
  }();
};

} // namespace

SCENARIO("a context that has ended can be stopped and waited for", "[runtime][context]") {
  numbers_job t(weir::test::run_mode{});
  CHECK_FALSE(t.job.context().running());
  REQUIRE(t.job.step());
  REQUIRE(t.job.context().stop());
  CHECK(t.job.context().await());
  const auto left = t.job.context().stop();
  REQUIRE(left);
  CHECK(left->batches_left == 0);
}

SCENARIO("a running context is not started again, a stopped one is", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  REQUIRE(t.job.context().start());
  const auto twice = t.job.context().start();
  REQUIRE_FALSE(twice);
  CHECK(twice.error().code() == errc::invalid_state);
  REQUIRE(t.job.context().stop());
  CHECK_FALSE(t.job.context().running());
  t.input->append(1);
  REQUIRE(t.job.step());
  REQUIRE(t.job.context().stop());
  CHECK(t.sink->calls() ==
        texts{"open", "close", "open", "begin", "write 1", "prepare", "commit", "close"});
}

SCENARIO("draining finishes every planned batch", "[runtime][context][stop]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  t.pile_up();
  t.job.context().request_stop(30s, stop_mode::drain);
  t.job.context().run_ready();
  t.sink->reopen();
  const auto left = t.job.context().stop();
  REQUIRE(left);
  CHECK(left->in_time);
  CHECK(left->batches_left == 0);
  CHECK(t.sink->count("commit") == 3);
}

SCENARIO("finishing the batch drops those that wait, and says so", "[runtime][context][stop]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  t.pile_up();
  t.job.context().request_stop(30s, stop_mode::finish_batch);
  t.job.context().run_ready();
  t.sink->reopen();
  const auto left = t.job.context().stop(30s, stop_mode::finish_batch);
  REQUIRE(left);
  CHECK(left->in_time);
  // With actors the sink may be quicker than the request; then only some of the batches are left.
  if (how.executor == weir::executor_kind::in_line) {
    CHECK(left->batches_left == 2);
    CHECK(left->records_left == 5);
    CHECK(t.sink->count("commit") == 1);
  } else {
    CHECK(left->batches_left + static_cast<std::size_t>(t.sink->count("commit")) == 3);
  }
}

SCENARIO("abandoning aborts the open batch and commits nothing of it", "[runtime][context][stop]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  t.pile_up();
  const auto left = t.job.context().stop(30s, stop_mode::abandon);
  REQUIRE(left);
  CHECK(left->in_time);
  CHECK(left->batches_left == 3);
  CHECK(left->records_left == 6);
  CHECK(t.sink->count("commit") == 0);
  CHECK(t.sink->count("abort") == 1);
  REQUIRE(t.job.reports().size() == 1);
  CHECK(t.job.reports()[0].failure->code() == errc::stopped);
}

SCENARIO("what is not drained by the deadline is abandoned", "[runtime][context][stop]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  t.pile_up();
  t.job.context().request_stop(5s, stop_mode::drain);
  t.job.context().run_ready();
  CHECK(t.job.context().running());
  while (
      t.job.context().running()) { // the deadline counts from when the control thread hears of it
    t.job.clock().advance(1s);
    t.job.context().run_ready();
    std::this_thread::yield();
  }
  const auto left = t.job.context().stop();
  REQUIRE(left);
  CHECK_FALSE(left->in_time);
  CHECK(left->batches_left == 3);
}

SCENARIO("a context may be destroyed while it runs", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto sink = std::make_shared<sink_control>();
  {
    numbers_job t(how);
    sink = t.sink;
    t.pile_up();
  }
  CHECK(sink->calls().back() == "close");
  CHECK(sink->count("commit") == 0);
}

SCENARIO("several contexts in one process do not know of each other", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job first(how);
  numbers_job second(how);
  first.input->append(1);
  second.input->append(2);
  REQUIRE(first.job.step());
  REQUIRE(second.job.step());
  REQUIRE(first.job.context().stop());
  CHECK(second.job.context().running());
  REQUIRE(second.job.step());
  CHECK(first.sink->count("write 1") == 1);
  CHECK(second.sink->count("write 2") == 1);
  CHECK(second.sink->count("commit") == 2);
}

SCENARIO("one context may have several sources", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto left = std::make_shared<weir::memory_log<int>>(2);
  auto right = std::make_shared<weir::memory_log<int>>(1);
  auto both = std::make_shared<weir::memory_table<int>>();
  auto alone = std::make_shared<weir::memory_table<int>>();
  const auto in = weir::memory_stream(job.context(), left, "left");
  const auto other = weir::memory_stream(job.context(), right, "right");
  in.union_with(other).to(weir::memory_sink(both));
  other.to(weir::memory_sink(alone));
  left->append(1, 1);
  right->append_all({10, 11});
  const auto report = *job.step();
  CHECK(weir::test::sorted(both->rows()) == std::vector{1, 10, 11});
  CHECK(alone->rows() == std::vector{10, 11});
  REQUIRE(report.sources.size() == 2);
  CHECK(report.sources[0].records == 1);
  CHECK(report.sources[1].records == 2);
  CHECK(report.records == 3);
}

SCENARIO("listeners hear of a batch in order, and in the order they were added",
         "[runtime][listener]") {
  const auto how = GENERATE(from_range(every_mode()));
  struct notes final : weir::listener {
    notes(std::string who, texts& to) : name(std::move(who)), lines(&to) {}
    void on_submitted(const weir::batch& b) override { note("submitted", b.time); }
    void on_started(const weir::batch& b) override { note("started", b.time); }
    void on_finished(const weir::batch_report& r) override { note("finished", r.time); }
    void note(const char* what, weir::batch_time t) {
      lines->push_back(fmt::format("{} {} {}", name, what, weir::milliseconds_of(t) % 100'000));
    }
    std::string name;
    texts* lines;
  };
  texts lines;
  numbers_job t(how);
  t.job.context().add_listener(std::make_shared<notes>("a", lines));
  t.job.context().add_listener(std::make_shared<notes>("b", lines));
  REQUIRE(t.job.step());
  REQUIRE(t.job.step());
  REQUIRE(t.job.context().stop());
  CHECK(lines == texts{"a submitted 1000", "b submitted 1000", "a started 1000", "b started 1000",
                       "a finished 1000", "b finished 1000", "a submitted 2000", "b submitted 2000",
                       "a started 2000", "b started 2000", "a finished 2000", "b finished 2000"});
}

SCENARIO("a context that has never started has nothing to wait for", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(how);
  auto& ctx = t.job.context();
  const auto refused = [](const auto& result) {
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == errc::invalid_state);
    CHECK_THAT(result.error().message(), Catch::Contains("has not started"));
  };
  refused(ctx.await());
  refused(ctx.await_for(1ms));
  refused(ctx.stop());
  ctx.request_stop();
  auto empty = *weir::context::make();
  REQUIRE_FALSE(empty.start()); // nor has one whose start failed
  refused(empty.stop());
  REQUIRE(t.job.step());
  CHECK(ctx.stop());
  CHECK(ctx.stop()); // it has ended
  CHECK(ctx.await());
}

SCENARIO("a listener may ask for a stop, not wait for it", "[runtime][listener]") {
  const auto how = GENERATE(from_range(every_mode()));
  struct stopper final : weir::listener {
    explicit stopper(weir::context& c) : ctx(&c) {}
    void on_finished(const weir::batch_report&) override { waited = ctx->stop().error().code(); }
    weir::context* ctx;
    std::optional<errc> waited;
  };
  numbers_job t(how);
  auto stops = std::make_shared<stopper>(t.job.context());
  t.job.context().add_listener(stops);
  REQUIRE(t.job.step());
  REQUIRE(t.job.context().await());
  CHECK(stops->waited == errc::invalid_state);
  CHECK_FALSE(t.job.context().running());
}

SCENARIO("the trigger once reads all there is in one batch and ends", "[runtime][trigger]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::once;
  options.rate_control = {.first_batch_rate = 10}; // does not count
  numbers_job t(options);
  t.input->append_all(std::vector<int>(100, 5));
  REQUIRE(t.job.context().start());
  REQUIRE(t.job.context().await());
  CHECK_FALSE(t.job.context().running());
  REQUIRE(t.job.reports().size() == 1);
  CHECK(t.job.reports()[0].records == 100);
}

SCENARIO("the trigger available_now reads what was there at the start, within the limits, and ends",
         "[runtime][trigger]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::available_now;
  options.rate_control = {.enabled = false, .job = {.ceiling = 40}};
  numbers_job t(options);
  struct adds final : weir::listener {
    explicit adds(std::shared_ptr<weir::memory_log<int>> log) : to(std::move(log)) {}
    void on_finished(const weir::batch_report&) override {
      to->append(6);
    } // arrives after the start
    std::shared_ptr<weir::memory_log<int>> to;
  };
  t.job.context().add_listener(std::make_shared<adds>(t.input));
  t.input->append_all(std::vector<int>(100, 5));
  REQUIRE(t.job.context().start());
  REQUIRE(t.job.context().await());
  std::vector<std::uint64_t> records;
  std::set<weir::batch_time> times;
  for (const auto& report : t.job.reports()) {
    records.push_back(report.records);
    times.insert(report.time);
  }
  CHECK(records == std::vector<std::uint64_t>{40, 40, 20});
  CHECK(times.size() == 3);
  CHECK(t.sink->count("write 6") == 0);
}

SCENARIO("available_now with nothing to read ends without a batch", "[runtime][trigger]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::available_now;
  numbers_job t(options);
  REQUIRE(t.job.context().start());
  REQUIRE(t.job.context().await());
  CHECK(t.job.reports().empty());
}

SCENARIO("the log hook gets what is at or above its level", "[runtime][log]") {
  auto options = weir::test::options_for();
  texts lines;
  options.log = [&](const weir::log_record& r) {
    lines.push_back(fmt::format("{}: {}", r.component, r.message));
  };
  options.min_log_level = weir::log_level::error;
  numbers_job t(options);
  t.sink->fail_in("write");
  t.input->append(1);
  REQUIRE(t.job.step());
  CHECK_FALSE(t.job.context().await());
  REQUIRE(lines.size() == 1);
  CHECK_THAT(lines[0],
             Catch::StartsWith("weir.job: ") && Catch::Contains("the fake sink fails in write"));
}

SCENARIO("the host hears of every thread by its name, in line there is none",
         "[runtime][threads]") {
  std::mutex mutex;
  std::set<std::string> names;
  auto options = weir::test::options_for({weir::executor_kind::actors});
  options.on_thread_start = [&](std::string_view name) {
    std::lock_guard guard(mutex);
    names.emplace(name);
  };
  {
    numbers_job t(options);
    REQUIRE(t.job.step());
  }
  CHECK(names.contains("test.ctl"));
  CHECK(names.contains("test.help"));
  CHECK(names.contains("test.w0"));
  CHECK(names.contains("test.w1"));
  names.clear();
  options.executor = weir::executor_kind::in_line;
  {
    numbers_job t(options);
    REQUIRE(t.job.step());
  }
  CHECK(names.empty());
}

SCENARIO("a stepped job says what kept it from a batch", "[runtime][testing]") {
  CHECK_FALSE(weir::testing::stepped_job::make({.name = ""}));
  numbers_job t(weir::test::run_mode{});
  t.sink->shut();
  t.input->append(1);
  const auto waiting = t.job.step();
  REQUIRE_FALSE(waiting);
  CHECK(waiting.error().code() == errc::timed_out);
  t.sink->reopen();
  CHECK(t.job.step()->time == weir::batch_time(1'767'225'601s)); // the batch that waited
}

SCENARIO("a stop that drains waits without turning", "[runtime][context][stop]") {
  const auto how = GENERATE(from_range(every_mode()));
  if (how.executor != weir::executor_kind::in_line)
    return;
  numbers_job t(how);
  t.pile_up();
  t.job.context().request_stop(5s, stop_mode::drain);
  for (int turns = 0; turns < 3; ++turns) {
    t.job.clock().advance(1s); // ticks pass that plan nothing
    t.job.context().run_ready();
    CHECK(t.job.context().running());
    CHECK(t.job.context().next_due() > 0s);
  }
  t.sink->reopen();
  CHECK(t.job.context().stop());
}

SCENARIO("what is composed after the start is logged at once", "[runtime][context]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  std::mutex mutex;
  std::string logged;
  options.log = [&](const weir::log_record& line) {
    std::lock_guard guard(mutex);
    if (line.level == weir::log_level::error)
      logged += line.message;
  };
  numbers_job t(std::move(options));
  REQUIRE(t.job.context().start());
  weir::memory_stream(t.job.context(), t.input, "late").for_each_batch([](const auto&) {});
  {
    std::lock_guard guard(mutex);
    CHECK_THAT(logged, Catch::Contains("'late") && Catch::Contains("after the start"));
  }
  const auto stopped = t.job.context().stop();
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == errc::invalid_state);
}

SCENARIO("a sink that keeps bytes is given a share of the memory budget", "[runtime][context]") {
  struct asks final : weir::sink<int> {
    explicit asks(std::size_t& to) : share(to) {}
    weir::expected<void> open(const weir::replica_context& context) override {
      share = context.retained_share;
      return {};
    }
    weir::expected<weir::progress> write(const weir::sink_block<int>&, std::size_t&) override {
      return weir::progress::done;
    }
    std::size_t& share;
  };
  for (const bool retains : {false, true}) {
    std::size_t share = 1;
    auto options = weir::test::options_for(weir::test::run_mode{});
    options.memory_budget = 32 << 20;
    auto ctx = *weir::context::make(std::move(options));
    weir::memory_stream(ctx, std::make_shared<weir::memory_log<int>>(), "numbers")
        .to({.traits = {.name = "asks", .retains = retains},
             .make = [&]() -> std::unique_ptr<weir::sink<int>> {
               return std::make_unique<asks>(share);
             }});
    REQUIRE(ctx.start());
    CHECK((share > 0) == retains);
    CHECK(share < 32 << 20);
    REQUIRE(ctx.stop());
  }
}
