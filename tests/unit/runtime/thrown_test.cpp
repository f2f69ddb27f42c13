// What the engine does with exceptions from everything it calls but the guarded user functions:
// sinks, copies of records, memory, sources, factories and hooks.
#include <weir/connectors/push/receiver.hpp>
#include <weir/runtime/utf8.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <atomic>
#include <memory_resource>
#include <thread>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::errc;
using weir::test::every_mode;

namespace {

enum class place { open, begin, write, prepare, commit, nowhere };

/// A sink that throws at one place.
class throwing_sink final : public weir::sink<int> {
public:
  explicit throwing_sink(place where) : where_(where) {}
  weir::expected<void> open(const weir::replica_context&) override { return pass(place::open); }
  weir::expected<void> begin(const weir::batch&) override { return pass(place::begin); }
  weir::expected<weir::progress> write(const weir::sink_block<int>& in,
                                       std::size_t& written) override {
    written = in.records.size();
    return done(place::write);
  }
  weir::expected<weir::progress> prepare() override { return done(place::prepare); }
  weir::expected<weir::progress> commit() override { return done(place::commit); }

private:
  weir::expected<void> pass(place here) const {
    if (here == where_)
      throw std::runtime_error("sink boom");
    return {};
  }
  weir::expected<weir::progress> done(place here) const {
    (void)pass(here);
    return weir::progress::done;
  }
  place where_;
};

weir::sink_factory<int> sink_that_throws_in(place where) {
  return {.traits = {.name = "frail"},
          .make = [where] { return std::make_unique<throwing_sink>(where); }};
}

/// A job on two partitions of the numbers 0 to 19.
struct numbers_job {
  template <class Build>
  numbers_job(weir::context_options options, Build build)
      : job(*weir::testing::stepped_job::make(std::move(options))) {
    for (int i = 0; i < 20; ++i)
      input->append(i, static_cast<std::uint32_t>(i % 2));
    build(weir::memory_stream(job.context(), input, "numbers"));
  }

  /// Runs the batch, which must fail and end the job. @returns why.
  weir::error failure() {
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE(report->failure);
    const auto ended = job.context().await();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().message() == report->failure->message());
    CHECK_FALSE(job.context().running());
    CHECK_FALSE(job.context().stop(1s));
    return *report->failure;
  }

  std::shared_ptr<weir::memory_log<int>> input = std::make_shared<weir::memory_log<int>>(2);
  weir::testing::stepped_job job;
};

/// A record whose 13 cannot be copied.
struct fragile {
  int value = 0;
  fragile() = default;
  explicit fragile(int v) : value(v) {}
  fragile(const fragile& other) : value(other.value) {
    if (value == 13)
      throw std::runtime_error("no copy of 13");
  }
  fragile(fragile&&) noexcept = default;
  fragile& operator=(const fragile& other) { return *this = fragile(other); }
  fragile& operator=(fragile&&) noexcept = default;
  ~fragile() = default;
};

/// Fails once more bytes are wanted than it has.
class small_memory final : public std::pmr::memory_resource {
public:
  explicit small_memory(std::ptrdiff_t bytes) : left_(bytes) {}

private:
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    if ((left_ -= static_cast<std::ptrdiff_t>(bytes)) < 0)
      throw std::bad_alloc();
    return std::pmr::new_delete_resource()->allocate(bytes, align);
  }
  void do_deallocate(void* at, std::size_t bytes, std::size_t align) override {
    left_ += static_cast<std::ptrdiff_t>(bytes);
    std::pmr::new_delete_resource()->deallocate(at, bytes, align);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
  std::atomic<std::ptrdiff_t> left_;
};

/// Memory whose control side throws at one place.
class throwing_source final : public weir::detail::memory_source<int> {
public:
  throwing_source(std::shared_ptr<weir::memory_log<int>> log, std::string where)
      : memory_source("frail", std::move(log)), where_(std::move(where)) {}
  weir::expected<void> open(const weir::source_setup&) override {
    boom("open");
    return {};
  }
  std::unique_ptr<weir::receiver> make_receiver(std::uint32_t index) override {
    boom("make_receiver");
    return where_ == "null" ? nullptr : memory_source::make_receiver(index);
  }
  void poll() override { boom("poll"); }
  weir::expected<std::vector<weir::partition_position>> survey() override {
    boom("survey");
    return memory_source::survey();
  }
  weir::source_batch plan(const std::vector<weir::partition_position>& unread,
                          const std::vector<std::optional<std::uint64_t>>& limits) override {
    boom("plan");
    return memory_source::plan(unread, limits);
  }
  weir::expected<void> close(weir::duration) override { throw std::runtime_error("close boom"); }

private:
  void boom(std::string_view here) const {
    if (here == where_)
      throw std::runtime_error("source boom");
  }
  std::string where_;
};

weir::expected<weir::batch_report> first_step_of(weir::test::run_mode how, std::string where) {
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  const auto log = std::make_shared<weir::memory_log<int>>();
  log->append(1);
  weir::add_source<int>(
      job->context(),
      {.label = "frail",
       .make = [log, where] { return std::make_unique<throwing_source>(log, where); },
       .max_replicas = 1})
      .to(sink_that_throws_in(place::nowhere));
  return job->step();
}

} // namespace

template <>
struct weir::record_traits<fragile> {
  static constexpr bool self_contained = true;
  using owned = fragile;
  static fragile to_owned(const fragile& record) { return record; }
  static fragile relocate(const fragile& record, arena&) { return record; }
  static std::size_t heap_bytes(const fragile&) { return 0; }
};

SCENARIO("a sink that throws fails the batch and ends the job", "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto where = GENERATE(place::begin, place::write, place::prepare, place::commit);
  numbers_job t(weir::test::options_for(how), [&](auto in) { in.to(sink_that_throws_in(where)); });
  const auto failure = t.failure();
  CHECK(failure.code() == errc::sink_failed);
  CHECK_THAT(failure.message(), Contains("'frail'") && Contains("sink boom"));
}

SCENARIO("a sink that throws while it opens keeps the job from starting", "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  numbers_job t(weir::test::options_for(how),
                [&](auto in) { in.to(sink_that_throws_in(place::open)); });
  const auto report = t.job.step();
  REQUIRE_FALSE(report);
  CHECK(report.error().code() == errc::sink_failed);
  CHECK_THAT(report.error().message(), Contains("'frail'") && Contains("sink boom"));
  CHECK_FALSE(t.job.context().running());
}

SCENARIO("a record that cannot be copied fails the batch wherever it is kept",
         "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto which = GENERATE(range(0, 5));
  numbers_job t(weir::test::options_for(how), [&](auto in) {
    auto keyed = in.map([](int i) { return std::pair(i, fragile{i}); }).share();
    const auto nothing = [](const auto&) {};
    if (which == 0)
      keyed.group_by_key().for_each_batch(nothing);
    else if (which == 1)
      keyed.repartition(3).for_each_batch(nothing);
    else if (which == 2)
      keyed.window(2s).repartition(2).for_each_batch(nothing);
    else if (which == 3)
      keyed.join(in.map([](int i) { return std::pair(i, 1); })).for_each_batch(nothing);
    else
      keyed.to(weir::memory_sink(std::make_shared<weir::memory_table<std::pair<int, fragile>>>()));
  });
  const auto report = t.job.step();
  INFO(which);
  REQUIRE(report);
  if (which == 2 && !report->failure)
    return; // a window keeps blocks, not records
  REQUIRE(report->failure);
  CHECK_THAT(report->failure->message(), Contains("no copy of 13"));
  CHECK_FALSE(t.job.context().await());
}

SCENARIO("memory that the host refuses fails the batch", "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  small_memory memory(100'000);
  auto options = weir::test::options_for(how);
  options.block.memory = &memory;
  {
    numbers_job t(options, [](auto in) {
      in.flat_map([](int i) { return std::vector<std::string>(200, std::string(200, char(i))); })
          .repartition(2)
          .count()
          .for_each_batch([](const auto&) {});
    });
    const auto failure = t.failure();
    CHECK(failure.code() == errc::out_of_budget);
    CHECK_THAT(failure.message(), Contains("refused memory"));
  } // the job has given all back
}

SCENARIO("a source that throws ends the job or keeps it from starting", "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  for (const std::string where : {"open", "make_receiver", "poll", "survey", "plan"}) {
    INFO(where);
    const auto report = first_step_of(how, where);
    REQUIRE_FALSE(report);
    CHECK_THAT(report.error().message(), Contains("source boom"));
  }
  CHECK_FALSE(first_step_of(how, "null"));
  CHECK(first_step_of(how, "nowhere"));
}

SCENARIO("null pointers are mistakes that the start reports", "[runtime][thrown]") {
  auto job = weir::context::make({.executor = weir::executor_kind::in_line});
  REQUIRE(job);
  SECTION("a sink") {
    weir::memory_stream(*job, std::make_shared<weir::memory_log<int>>())
        .to(weir::sink_factory<int>{.traits = {.name = "void"},
                                    .make = [] { return std::unique_ptr<weir::sink<int>>(); }});
    const auto started = job->start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code() == errc::invalid_graph);
    CHECK_THAT(started.error().message(), Contains("'void'") && Contains("null"));
  }
  SECTION("a log") {
    weir::memory_stream(*job, std::shared_ptr<weir::memory_log<int>>())
        .for_each_batch([](const auto&) {});
    const auto started = job->start();
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().to_string(), Contains("memory_stream()") && Contains("null"));
  }
  SECTION("a listener") {
    weir::memory_stream(*job, std::make_shared<weir::memory_log<int>>())
        .for_each_batch([](const auto&) {});
    job->add_listener(nullptr);
    const auto started = job->start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code() == errc::invalid_config);
  }
}

SCENARIO("a listener that throws is logged and the job goes on", "[runtime][thrown]") {
  struct shouting final : weir::listener {
    void on_submitted(const weir::batch&) override { throw std::runtime_error("listener boom"); }
    void on_started(const weir::batch&) override { throw std::runtime_error("listener boom"); }
    void on_finished(const weir::batch_report&) override { throw 7; }
  };
  const auto how = GENERATE(from_range(every_mode()));
  std::mutex mutex;
  std::vector<std::string> lines;
  auto options = weir::test::options_for(how);
  options.log = [&](const weir::log_record& r) {
    std::lock_guard guard(mutex);
    lines.emplace_back(r.message);
  };
  {
    numbers_job t(options, [](auto in) { in.to(sink_that_throws_in(place::nowhere)); });
    t.job.context().add_listener(std::make_shared<shouting>());
    for (int i = 0; i < 3; ++i) {
      const auto report = t.job.step();
      REQUIRE(report);
      CHECK_FALSE(report->failure);
    }
    CHECK(t.job.context().stop());
  }
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.find("'on_started' threw: listener boom") != std::string::npos;
        }) == 3);
  CHECK(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("'on_finished' threw") != std::string::npos;
  }));
}

SCENARIO("an acknowledgement that throws is reported and the job goes on", "[push][thrown]") {
  struct receiving final : weir::push_receiver<int> {
    explicit receiving(std::atomic<bool>* stored) : stored_(stored) {}
    weir::expected<void> on_start(weir::receiver_handle<int> to) override {
      auto taken = to.store_reliably(std::vector{1, 2},
                                     [] { throw std::runtime_error("acknowledge boom"); });
      *stored_ = true;
      return taken;
    }
    std::atomic<bool>* stored_;
  };
  const auto how = GENERATE(from_range(every_mode()));
  std::mutex mutex;
  std::vector<std::string> lines;
  std::atomic<bool> stored = false;
  auto options = weir::test::options_for(how);
  options.log = [&](const weir::log_record& r) {
    std::lock_guard guard(mutex);
    lines.emplace_back(r.message);
  };
  {
    auto job = weir::testing::stepped_job::make(options);
    REQUIRE(job);
    weir::receiver_stream<int>(job->context(), [&](std::uint32_t) {
      return std::make_unique<receiving>(&stored);
    }).to(sink_that_throws_in(place::nowhere));
    REQUIRE(job->context().start());
    while (!stored) {
      (void)job->context().run_ready();
      std::this_thread::yield();
    }
    CHECK(job->step());
    CHECK(job->step());
    CHECK(job->context().stop());
  }
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.find("the acknowledgement threw: acknowledge boom") != std::string::npos;
        }) == 1);
}

SCENARIO("a user's function cannot wait for its own job, only ask it to stop",
         "[runtime][thrown]") {
  const auto how = GENERATE(from_range(every_mode()));
  std::optional<errc> answer;
  weir::context* self = nullptr;
  numbers_job t(weir::test::options_for(how), [&](auto in) {
    in.for_each_batch([&](const auto&) {
      if (const auto stopped = self->stop(1s); !stopped)
        answer = stopped.error().code();
    });
  });
  self = &t.job.context();
  const auto report = t.job.step();
  REQUIRE(report);
  CHECK_FALSE(report->failure);
  CHECK(self->await());
  CHECK(answer == errc::invalid_state);
}

SCENARIO("in line, another thread may stop what the host polls", "[runtime][threads]") {
  for (int round = 0; round < 20; ++round) {
    auto job = weir::context::make({.batch_interval = 1ms,
                                    .rate_control = {.enabled = false},
                                    .executor = weir::executor_kind::in_line});
    REQUIRE(job);
    const auto log = std::make_shared<weir::memory_log<int>>();
    std::atomic<int> inside = 0;
    std::atomic<int> batches = 0;
    std::atomic<bool> overlapped = false;
    weir::memory_stream(*job, log).for_each_batch([&](const auto&) {
      overlapped = overlapped || inside.fetch_add(1) > 0;
      ++batches;
      inside.fetch_sub(1);
    });
    REQUIRE(job->start());
    std::thread host([&] {
      while (job->poll_for(1ms)) {
      }
    });
    while (batches < 3)
      std::this_thread::yield();
    CHECK_FALSE(job->await_for(1ms).value());
    CHECK(job->stop());
    CHECK_FALSE(job->running());
    host.join();
    CHECK_FALSE(overlapped);
  }
}

SCENARIO("a deadline that does not fit the clock is no deadline", "[runtime][time]") {
  using weir::deadline_after;
  const weir::steady_time now(5h);
  CHECK(deadline_after(now, weir::duration(3)) == now + weir::duration(3));
  CHECK(deadline_after(now, weir::duration(-3)) == now - weir::duration(3));
  CHECK(deadline_after(now, weir::duration::max()) == weir::steady_time::max());
  CHECK(deadline_after(now, weir::duration::max() - 1ns) == weir::steady_time::max());
  CHECK(deadline_after(now, std::chrono::milliseconds::max()) == weir::steady_time::max());
  CHECK(deadline_after(now, std::chrono::hours(1)) == now + 1h);
  CHECK(deadline_after(weir::steady_time::max(), 0ns) == weir::steady_time::max());
  CHECK(deadline_after(weir::steady_time(-5h), weir::duration::max()) ==
        weir::steady_time(-5h) + weir::duration::max());

  const auto how = GENERATE(from_range(every_mode()));
  const auto limit = GENERATE(weir::duration::max(), weir::duration::max() - 1ns);
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::available_now;
  auto job = weir::context::make(options);
  REQUIRE(job);
  const auto log = std::make_shared<weir::memory_log<int>>();
  log->append_all({1, 2, 3});
  const auto rows = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(*job, log).to(weir::memory_sink(rows));
  SECTION("to await") {
    REQUIRE(job->start());
    const auto ended = job->await_for(limit);
    REQUIRE(ended);
    CHECK(*ended);
    CHECK(rows->rows().size() == 3);
  }
  SECTION("to stop") {
    REQUIRE(job->start());
    const auto left = job->stop(limit);
    REQUIRE(left);
    CHECK(left->in_time);
  }
  SECTION("to poll") {
    if (how.executor == weir::executor_kind::in_line) {
      REQUIRE(job->start());
      CHECK_FALSE(job->poll_for(limit));
      CHECK(rows->rows().size() == 3);
    }
  }
}

SCENARIO("a report is valid JSON whatever bytes a message has", "[runtime][report]") {
  weir::batch_report report;
  report.failure = weir::error(errc::internal, "bytes \xff\xfe");
  report.operators.emplace_back().name = "\xc3(";
  auto& source = report.sources.emplace_back();
  source.name = "\x80";
  source.ranges.emplace_back().topic = "t\xf0";
  source.errors.push_back(weir::error(errc::io, "\xed\xa0\x80"));
  CHECK(weir::is_utf8(weir::to_json(report)));
}

SCENARIO("names that cannot be part of other names and negative deadlines are refused",
         "[runtime][options]") {
  for (const auto* name : {"a/b", "a\nb", "\x7f"}) {
    const auto refused = weir::check({.name = name});
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message(), Contains("name") && !Contains("\n"));
  }
  CHECK(weir::check({.name = "a b-ü"}));
  CHECK_FALSE(weir::check({.quiesce_deadline = -1s}));
  CHECK(weir::check({.quiesce_deadline = 0s}));
}
