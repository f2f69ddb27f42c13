// A job on the host's io_context, fed and read by coroutines.
#include <weir/connectors/asio.hpp>
#include <weir/weir.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <thread>

using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

weir::context_options on_a_loop(weir::trigger kind) {
  auto options = weir::test::options_for();
  options.trigger = kind;
  options.batch_interval = 5ms;
  return options;
}

} // namespace

SCENARIO("a continuous job runs on an io_context", "[embedding][asio]") {
  auto job = *weir::context::make(on_a_loop(weir::trigger::continuous));
  auto log = std::make_shared<weir::memory_log<int>>();
  const weir::outlet<int> results;
  weir::memory_stream(job, log).map([](int n) { return n * n; }).to(results.sink());

  asio::io_context io;
  std::optional<weir::expected<void>> ended;
  asio::co_spawn(io, weir::asio::run(job),
                 [&](std::exception_ptr, weir::expected<void> how) { ended = std::move(how); });
  std::vector<int> taken;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        for (int i = 1; i <= 3; ++i) { // a request and its answer, three times
          log->append(i);
          if (const auto next = co_await weir::asio::pop(results))
            taken.push_back(*next);
        }
        std::thread([&] { log->append(10); }).join(); // from another thread
        taken.push_back((co_await weir::asio::pop(results)).value_or(0));
        job.request_stop();
        CHECK_FALSE(co_await weir::asio::pop(results));
      },
      asio::detached);
  io.run_for(30s);
  CHECK(taken == std::vector{1, 4, 9, 100});
  REQUIRE(ended.has_value());
  CHECK(ended->has_value());
  CHECK_FALSE(job.running());
}

SCENARIO("coroutines push into a job and wait for room", "[embedding][asio]") {
  auto job = *weir::context::make(on_a_loop(weir::trigger::every));
  const weir::inlet<int> in({.name = "numbers", .max_records = 10});
  const weir::outlet<int> results(4);
  weir::inlet_stream(job, in).to(results.sink());
  asio::thread_pool pool(2);
  const auto serial = asio::make_strand(pool);
  weir::expected<void> outcome;
  asio::co_spawn(serial, weir::asio::run(job),
                 [&](std::exception_ptr, weir::expected<void> how) { outcome = std::move(how); });
  constexpr int count = 100;
  asio::co_spawn(
      serial,
      [&]() -> asio::awaitable<void> {
        for (int i = 0; i < count; ++i)
          if (!co_await weir::asio::push(in, i))
            co_return;
        auto last = in;
        last.close(); // the job ends by itself
      },
      asio::detached);
  std::vector<int> taken;
  asio::co_spawn(
      asio::make_strand(pool),
      [&]() -> asio::awaitable<void> {
        while (const auto next = co_await weir::asio::pop(results))
          taken.push_back(*next);
      },
      asio::detached);
  pool.join();
  CHECK(outcome.has_value());
  REQUIRE(taken.size() == count);
  CHECK(std::is_sorted(taken.begin(), taken.end()));
}

SCENARIO("a job that cannot start on the loop says why", "[embedding][asio]") {
  const auto outcome_of = [](weir::context& job) {
    asio::io_context io;
    weir::expected<void> outcome;
    asio::co_spawn(io, weir::asio::run(job),
                   [&](std::exception_ptr, weir::expected<void> how) { outcome = std::move(how); });
    io.run();
    return outcome;
  };
  auto threads = *weir::context::make({});
  REQUIRE_FALSE(outcome_of(threads));
  CHECK(outcome_of(threads).error().code() == weir::errc::invalid_config);
  auto empty = *weir::context::make(on_a_loop(weir::trigger::every));
  REQUIRE_FALSE(outcome_of(empty));
  CHECK(outcome_of(empty).error().code() == weir::errc::invalid_graph);
}

namespace {

/// A job that is always behind: each of its records takes 1 ms of a clock of its own, and 30 of
/// them come every 20 ms.
struct busy_job {
  static constexpr int in_a_block = 4;
  std::shared_ptr<weir::manual_clock> clock = std::make_shared<weir::manual_clock>();
  std::shared_ptr<weir::memory_log<int>> log = std::make_shared<weir::memory_log<int>>();
  int done = 0;
  weir::context job;

  explicit busy_job(int records)
      : job(*weir::context::make([&] {
          auto options = on_a_loop(weir::trigger::every);
          options.clock = clock;
          options.batch_interval = 20ms;
          options.block.max_records = in_a_block;
          options.rate_control.partition.ceiling = 1'500;
          return options;
        }())) {
    log->append_all(std::vector<int>(static_cast<std::size_t>(records), 7));
    weir::memory_stream(job, log)
        .map([this](int n) {
          clock->advance(1ms);
          ++done;
          return n;
        })
        .for_each_batch([](const auto&) {});
  }
};

/// Calls `turn` again and again, as a handler and as a timer, as long as it says so.
void take_turns(asio::io_context& io, std::function<bool()> turn) {
  asio::post(io, [&io, turn = std::move(turn)] {
    if (turn())
      take_turns(io, turn);
  });
}

} // namespace

SCENARIO("a job that is behind leaves turns to the host's handlers and timers",
         "[embedding][asio]") {
  busy_job t(3'000);
  asio::io_context io;
  asio::co_spawn(io, weir::asio::run(t.job), [](std::exception_ptr, weir::expected<void>) {});
  int before = 0;
  int most = 0;
  take_turns(io, [&] {
    most = std::max(most, t.done - before);
    before = t.done;
    t.clock->advance(1ms);
    if (t.done == 3'000)
      t.job.request_stop();
    return t.done < 3'000;
  });
  int ticks = 0;
  asio::steady_timer timer(io);
  const std::function<void(boost::system::error_code)> tick = [&](boost::system::error_code) {
    ++ticks;
    timer.expires_after(0ms);
    if (t.done < 3'000)
      timer.async_wait(tick);
  };
  tick({});
  io.run_for(30s);
  REQUIRE(t.done == 3'000);
  const int in_a_slice = static_cast<int>(weir::context_options().slice / 1ms);
  CHECK(most <= in_a_slice + busy_job::in_a_block);
  CHECK(ticks >= 3'000 / (in_a_slice + busy_job::in_a_block));
}

SCENARIO("a job that is behind hears that its coroutine is cancelled", "[embedding][asio]") {
  busy_job t(100'000);
  asio::io_context io;
  asio::cancellation_signal cancel;
  std::optional<weir::expected<void>> ended;
  asio::co_spawn(io, weir::asio::run(t.job),
                 asio::bind_cancellation_slot(cancel.slot(),
                                              [&](std::exception_ptr, weir::expected<void> how) {
                                                ended = std::move(how);
                                              }));
  take_turns(io, [&] {
    t.clock->advance(1ms);
    if (t.done < 200)
      return true;
    cancel.emit(asio::cancellation_type::terminal);
    return false;
  });
  io.run_for(30s);
  REQUIRE(ended.has_value());
  CHECK_FALSE(t.job.running());
  CHECK(t.done < 300);
}
