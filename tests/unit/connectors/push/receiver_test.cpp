// Receivers of the user's: their life, their restarts, and the rate they may read at.
#include <weir/connectors/push/back_off.hpp>
#include <weir/connectors/push/receiver.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <set>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::test::options_for;
using weir::test::sorted;

namespace {

/// What happened to the receivers of a test, in order.
class diary {
public:
  void add(std::string what) {
    std::lock_guard guard(mutex_);
    lines_.push_back(std::move(what));
  }
  std::vector<std::string> lines() const {
    std::lock_guard guard(mutex_);
    return lines_;
  }
  std::size_t count(const std::string& what) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), what));
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// A receiver made of functions.
struct scripted final : weir::push_receiver<int> {
  std::function<weir::expected<void>(weir::receiver_handle<int>)> start;
  std::function<void()> stop = [] {};
  weir::expected<void> on_start(weir::receiver_handle<int> to) override { return start(to); }
  void on_stop() override { stop(); }
};

using start_function =
    std::function<weir::expected<void>(std::uint32_t index, weir::receiver_handle<int>)>;

struct received_job {
  std::shared_ptr<weir::memory_table<int>> table = std::make_shared<weir::memory_table<int>>();
  diary seen;
  weir::testing::stepped_job job; // ends first: its receivers write into the diary

  explicit received_job(weir::context_options options = options_for())
      : job(*weir::testing::stepped_job::make(std::move(options))) {}

  void read(start_function start, weir::receiver_options options = {}) {
    weir::receiver_stream<int>(
        job.context(),
        [this, start](std::uint32_t index) {
          auto made = std::make_unique<scripted>();
          made->start = [this, start, index](auto to) {
            seen.add("start");
            auto started = start(index, to);
            seen.add("ready");
            return started;
          };
          made->stop = [this] { seen.add("stop"); };
          return made;
        },
        options)
        .to(weir::memory_sink(table));
  }
  weir::batch_report step() {
    auto report = job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    return *report;
  }
  /// Turns the job and moves the clock a little until `done`.
  bool until(const std::function<bool()>& done, weir::duration step = 0ms) {
    for (int i = 0; i < 10'000 && !done(); ++i) {
      (void)job.context().run_ready();
      job.clock().advance(step);
      std::this_thread::sleep_for(1ms);
    }
    return done();
  }
};

} // namespace

SCENARIO("a receiver starts with the job, stores, and stops with it", "[push][receiver]") {
  const auto how = GENERATE(from_range(every_mode()));
  received_job t(options_for(how));
  t.read([](std::uint32_t, auto to) { return to.store(std::vector{1, 2, 3}); });
  t.step();
  REQUIRE(t.until([&] { return t.seen.count("ready") == 1; }));
  REQUIRE(t.job.context().stop());
  CHECK(t.seen.lines() == std::vector<std::string>{"start", "ready", "stop"});
  CHECK(t.table->rows() == std::vector{1, 2, 3});
}

SCENARIO("receivers of one source are partitions of its stream", "[push][receiver]") {
  const auto how = GENERATE(from_range(every_mode()));
  received_job t(options_for(how));
  t.read([](std::uint32_t index,
            auto to) { return to.store(std::vector(3, static_cast<int>(index))); },
         {.receivers = 3});
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return t.seen.count("ready") == 3; }));
  REQUIRE(t.job.context().stop());
  CHECK(sorted(t.table->rows()) == std::vector{0, 0, 0, 1, 1, 1, 2, 2, 2});
}

SCENARIO("a thread of a receiver is named, hooked, asked to end and waited for",
         "[push][receiver]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = options_for(how);
  diary threads;
  options.on_thread_start = [&](std::string_view name) { threads.add(std::string(name)); };
  received_job t(options);
  t.read(
      [&](std::uint32_t, auto to) {
        to.run([&t, to](std::stop_token stop) mutable {
          for (int n = 0; !stop.stop_requested(); ++n)
            if (!to.store(n))
              break;
          t.seen.add("thread ended");
        });
        return weir::expected<void>();
      },
      {.push = {.max_records = 100}});
  t.step();
  REQUIRE(t.until([&] { return threads.count("test.recv0") == 2; }));
  REQUIRE(t.job.context().stop(30s, weir::stop_mode::finish_batch));
  CHECK(t.seen.count("thread ended") == 1);
}

SCENARIO("a receiver that fails is started again", "[push][receiver]") {
  received_job t;
  int fails = 2;
  std::vector<weir::steady_time> starts;
  t.read(
      [&](std::uint32_t, auto to) -> weir::expected<void> {
        starts.push_back(t.job.clock().steady_now());
        if (fails-- > 0)
          return weir::error(weir::errc::source_failed, "no line");
        return to.store(7);
      },
      {.restarts = {.delay = 2s, .max_delay = 1min, .jitter = 0}});
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return t.seen.count("ready") == 3; }, 10ms));
  CHECK(starts[1] - starts[0] >= 2s);
  CHECK(starts[2] - starts[1] >= 4s);
  t.step();
  REQUIRE(t.job.context().stop());
  std::size_t errors = 0;
  for (const auto& report : t.job.reports())
    errors += report.sources[0].errors.size();
  CHECK(errors == 2);
  CHECK(t.table->rows() == std::vector{7});
}

SCENARIO("delays double up to a bound, are shortened by chance, and begin anew after a success",
         "[push][receiver]") {
  weir::detail::back_off exact({.delay = 2s, .max_delay = 5s, .jitter = 0}, 1);
  CHECK(exact.next(0s) == 2s);
  CHECK(exact.next(1s) == 4s);
  CHECK(exact.next(1s) == 5s);
  CHECK(exact.next(1s) == 5s);
  CHECK(exact.next(5s) == 2s);
  weir::detail::back_off longest(
      {.delay = weir::duration::max(), .max_delay = weir::duration::max(), .jitter = 1}, 1);
  for (int i = 0; i < 3; ++i)
    CHECK(longest.next(0s) >= 0s);
  weir::detail::back_off one({.delay = 2s, .jitter = 0.5}, 1);
  weir::detail::back_off same({.delay = 2s, .jitter = 0.5}, 1);
  weir::detail::back_off other({.delay = 2s, .jitter = 0.5}, 2);
  const auto delay = one.next(0s);
  CHECK(delay >= 1s);
  CHECK(delay <= 2s);
  CHECK(delay == same.next(0s));
  CHECK(delay != other.next(0s));
}

SCENARIO("a receiver asks for its restart, and what it throws is an error", "[push][receiver]") {
  received_job t;
  std::atomic<int> starts = 0;
  t.read([&](std::uint32_t, auto to) -> weir::expected<void> {
    switch (starts++) {
    case 0:
      to.restart(weir::error(weir::errc::io, "the line went dead"), 10ms);
      break;
    case 1:
      to.run([](std::stop_token) { throw std::runtime_error("thread lost"); });
      break;
    case 2:
      throw std::runtime_error("refused");
    default:
      to.report_error(weir::error(weir::errc::io, "slow line"));
      break;
    }
    return {};
  });
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return t.seen.count("ready") == 3; }, 10ms));
  t.step();
  REQUIRE(t.job.context().stop());
  std::string errors;
  for (const auto& report : t.job.reports())
    for (const auto& e : report.sources[0].errors)
      errors += e.to_string() + "\n";
  CHECK_THAT(errors, Catch::Contains("the line went dead") && Catch::Contains("thread lost") &&
                         Catch::Contains("on_start threw: refused") &&
                         Catch::Contains("slow line"));
}

SCENARIO("a receiver that stops for good ends its input, and the job", "[push][receiver]") {
  const auto how = GENERATE(from_range(every_mode()));
  received_job t(options_for(how));
  t.read([](std::uint32_t, auto to) {
    auto stored = to.store(1);
    to.stop("nothing more to read");
    return stored;
  });
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return !t.job.context().running(); }, 10ms));
  CHECK(t.job.context().await());
  CHECK(t.table->rows() == std::vector{1});
}

SCENARIO("a group is acknowledged once its batch is complete", "[push][receiver]") {
  const auto how = GENERATE(from_range(every_mode()));
  received_job t(options_for(how));
  std::atomic<bool> stored = false;
  std::atomic<bool> acknowledged = false;
  t.read([&](std::uint32_t, auto to) {
    auto taken = to.store_reliably(std::vector{1, 2}, [&] { acknowledged = true; });
    stored = true;
    return taken;
  });
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return stored.load(); }));
  CHECK_FALSE(acknowledged);
  t.step();
  REQUIRE(t.job.context().stop());
  CHECK(acknowledged);
  CHECK(t.table->rows() == std::vector{1, 2});
}

SCENARIO("until a batch has been measured receivers are bounded by their buffer alone",
         "[push][receiver][rate]") {
  auto options = options_for();
  options.rate_control = {.enabled = true};
  received_job t(options);
  std::atomic<int> taken = -1;
  t.read([&](std::uint32_t, auto to) {
    int count = 0;
    while (count < 5'000 && to.try_store(count) == weir::push_result::taken)
      ++count;
    taken = count;
    return weir::expected<void>();
  });
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return taken.load() >= 0; }));
  CHECK(taken == 5'000); // five seconds' worth of the first-batch rate
  REQUIRE(t.job.context().stop());
}

SCENARIO("the rate of the job holds its receivers back", "[push][receiver][rate]") {
  auto options = options_for();
  options.rate_control = {.enabled = true, .job = {.ceiling = 100}};
  received_job t(options);
  weir::push_result last{};
  std::atomic<bool> tried = false;
  int taken = 0;
  t.read([&](std::uint32_t, auto to) {
    while ((last = to.try_store(taken)) == weir::push_result::taken)
      ++taken;
    tried = true;
    return weir::expected<void>();
  });
  REQUIRE(t.job.context().start());
  REQUIRE(t.until([&] { return tried.load(); }));
  CHECK(last == weir::push_result::limited);
  CHECK(taken >= 1);
  CHECK(taken <= 20); // a fifth of a second's worth, the block interval
  REQUIRE(t.job.context().stop());
}

SCENARIO("a bucket follows the rate it is told", "[push][rate]") {
  weir::manual_clock clock;
  weir::detail::rate_gate gate(clock, std::nullopt, 100ms);
  const auto admitted = [&] {
    int count = 0;
    while (count < 10'000 && gate.admit(10) == weir::duration::zero())
      ++count;
    return count;
  };
  CHECK(admitted() == 10'000); // unlimited
  gate.set_rate(100.0, weir::rate_unit::records);
  (void)admitted();
  clock.advance(50ms);
  CHECK(admitted() == 5);
  gate.set_rate(1000.0, weir::rate_unit::records);
  clock.advance(50ms);
  CHECK(admitted() == 50);
  clock.advance(10s); // a rest gives a window's worth
  CHECK(admitted() == 100);
  gate.set_rate(1000.0, weir::rate_unit::bytes);
  clock.advance(10s);
  CHECK(admitted() == 10);
  gate.set_rate(0.0, weir::rate_unit::records); // never no rate at all
  CHECK(gate.rate() == 0.1);
  clock.advance(1h);
  CHECK(admitted() == 1);
  weir::detail::rate_gate bounded(clock, 50.0, 100ms);
  CHECK(bounded.rate() == 50.0);
  bounded.set_rate(1e6, weir::rate_unit::records);
  CHECK(bounded.rate() == 50.0);
}

SCENARIO("a plan takes whole blocks, and a batch pays for the excess of the one before",
         "[push][rate]") {
  weir::detail::push_buffer<int> buffer({.block = {.max_records = 10}});
  for (int n = 0; n < 40; ++n)
    REQUIRE(buffer.push(n));
  REQUIRE(buffer.received() == 40);
  CHECK(buffer.plan(40, 4) == 10);
  CHECK(buffer.plan(40, 4) == 10); // 6 too many so far
  CHECK(buffer.plan(40, 4) == 20); // 2 left: another block
  buffer.rewind(10);
  CHECK(buffer.plan(40, std::nullopt) == 40);
}
