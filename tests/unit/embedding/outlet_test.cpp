// Results taken by the host: one by one, waiting or not, with backpressure.
#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <thread>

using namespace std::chrono_literals;
using weir::test::every_mode;

namespace {

std::vector<int> numbers(int first, int count) {
  std::vector<int> all;
  for (int i = 0; i < count; ++i)
    all.push_back(first + i);
  return all;
}

} // namespace

SCENARIO("a full outlet holds its job back until the host takes records", "[connectors][outlet]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<int>>();
  const weir::outlet<int> results(10);
  weir::memory_stream(job.context(), log).to(results.sink());
  log->append_all(numbers(0, 5000));
  if (how.executor == weir::executor_kind::in_line) {
    const auto waits = job.step();
    REQUIRE_FALSE(waits);
    CHECK(waits.error().code() == weir::errc::timed_out);
  } else {
    REQUIRE(job.context().start());
    job.clock().advance(1s);
  }
  std::vector<int> taken;
  while (taken.size() < 5000) {
    (void)job.context().run_ready();
    if (const auto next = results.pop_for(how.executor == weir::executor_kind::in_line ? 0s : 10s))
      taken.push_back(*next);
    else
      break;
  }
  CHECK(taken == numbers(0, 5000));
  REQUIRE(job.context().stop());
  CHECK(results.pop() == std::nullopt);
  CHECK(results.ended());
  REQUIRE(job.reports().size() >= 1);
  CHECK_FALSE(job.reports()[0].failure);
}

SCENARIO("a host thread waits for results", "[connectors][outlet]") {
  auto options = weir::test::options_for({weir::executor_kind::actors, 1});
  options.trigger = weir::trigger::continuous;
  auto job = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<std::string_view>>();
  const weir::outlet<std::string_view> results;
  weir::memory_stream(job, log).to(results.sink());
  CHECK_FALSE(results.ended()); // it has not begun
  REQUIRE(job.start());
  std::vector<std::string> taken;
  std::atomic<std::size_t> count = 0;
  std::thread host([&] {
    while (auto next = results.pop()) {
      taken.push_back(std::move(*next));
      ++count;
    }
  });
  log->append("one");
  log->append("two");
  for (int patience = 0; count < 2 && patience < 10'000; ++patience)
    std::this_thread::sleep_for(1ms);
  std::atomic<bool> told = false;
  results.when_filled([&] { told = true; }); // by the end, as no record comes
  CHECK_FALSE(told);
  REQUIRE(job.stop());
  host.join();
  CHECK(told);
  CHECK(taken == std::vector<std::string>{"one", "two"});
}

SCENARIO("records of an aborted batch come again", "[connectors][outlet]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  const weir::outlet<int> results;
  weir::memory_stream(job.context(), log)
      .map([fails = std::make_shared<bool>(true)](int n) {
        if (n == 3 && std::exchange(*fails, false))
          throw std::runtime_error("once");
        return n;
      })
      .to(results.sink());
  log->append_all(numbers(0, 2));
  REQUIRE(job.step());
  log->append(3);
  REQUIRE(job.step()->failure);
  REQUIRE(job.step()); // starts anew, at the beginning of the log
  std::vector<int> taken;
  while (auto next = results.try_pop())
    taken.push_back(*next);
  CHECK(taken == std::vector{0, 1, 0, 1, 3});
}
