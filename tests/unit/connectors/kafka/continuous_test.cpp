// A topic read on and on, against the broker inside this process.
#include "kafka_fixture.hpp"

#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

using namespace weir;
using namespace weir::kafka;
using namespace std::chrono_literals;

SCENARIO("records of a topic flow while their epoch is open", "[connectors][kafka][continuous]") {
  const auto in_line = GENERATE(executor_kind::in_line, executor_kind::actors);
  auto broker = broker_with("numbers", 2);
  produce_numbers(broker.bootstrap(), "numbers", 0, 0, 3);
  auto job = *context::make({.name = "reader",
                             .batch_interval = 10ms,
                             .trigger = trigger::continuous,
                             .rate_control = {.enabled = false},
                             .worker_threads = 2,
                             .executor = in_line});
  const outlet<std::pair<std::int64_t, std::string_view>> results;
  direct_stream(
      job,
      {.brokers = broker.bootstrap(), .topics = {"numbers"}, .start = starting_offsets::earliest()})
      .map([](const record& r) { return std::pair(r.offset, *r.value); })
      .to(results.sink());
  REQUIRE(job.start());
  std::multiset<std::string> values;
  const auto take = [&](std::size_t until) {
    for (int patience = 0; values.size() < until && patience < 3'000; ++patience) {
      (void)job.poll_for(0ms);
      if (auto next =
              results.pop_for(job.options().executor == executor_kind::in_line ? 1ms : 10ms))
        values.insert(next->second);
    }
    return values;
  };
  CHECK(take(3) == std::multiset<std::string>{"0", "1", "2"});
  produce_numbers(broker.bootstrap(), "numbers", 1, 10, 2);
  CHECK(take(5) == std::multiset<std::string>{"0", "1", "10", "11", "2"});
  produce_numbers(broker.bootstrap(), "numbers", 0, 3, 1);
  CHECK(take(6) == std::multiset<std::string>{"0", "1", "10", "11", "2", "3"});
  REQUIRE(job.stop());
  CHECK(results.pop() == std::nullopt); // each came once
}

SCENARIO("a rate limit holds for a topic that is read on", "[connectors][kafka][continuous]") {
  auto broker = broker_with("numbers", 1);
  produce_numbers(broker.bootstrap(), "numbers", 0, 0, 500);
  const auto clock = std::make_shared<manual_clock>();
  context_options options{.name = "limited",
                          .trigger = trigger::continuous,
                          .rate_control = {.enabled = false},
                          .executor = executor_kind::in_line,
                          .clock = clock};
  options.rate_control.partition.ceiling = 100;
  auto job = *context::make(std::move(options));
  const outlet<int> results;
  direct_stream(
      job,
      {.brokers = broker.bootstrap(), .topics = {"numbers"}, .start = starting_offsets::earliest()})
      .map([](const record&) { return 1; })
      .to(results.sink());
  REQUIRE(job.start());
  std::size_t taken = 0;
  const auto take = [&] {
    while (results.try_pop())
      ++taken;
    return taken;
  };
  for (int patience = 0; take() < 1 && patience < 10'000; ++patience)
    (void)job.poll_for(1ms);
  for (std::size_t i = 1; i <= 50; ++i) {
    REQUIRE(take() == i); // the rest waits in the client's queue
    clock->advance(10ms);
    for (int patience = 0; take() < i + 1 && patience < 10'000; ++patience)
      (void)job.poll_for(1ms);
  }
  REQUIRE(job.stop(1s, stop_mode::abandon));
}

SCENARIO("the host hears of librdkafka's threads", "[connectors][kafka][embedding]") {
  auto broker = broker_with("numbers", 1);
  produce_numbers(broker.bootstrap(), "numbers", 0, 0, 1);
  const auto tasks = [] {
    std::set<std::string> all;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
      all.insert(task.path().filename());
    return all;
  };
  const auto before = tasks();
  std::mutex mutex;
  std::multiset<std::string> started;
  {
    auto job = *context::make({.name = "hooked",
                               .batch_interval = 10ms,
                               .trigger = trigger::continuous,
                               .executor = executor_kind::in_line,
                               .on_thread_start = [&](std::string_view name) {
                                 std::lock_guard guard(mutex);
                                 started.emplace(name);
                               }});
    const outlet<int> results;
    direct_stream(job, {.brokers = broker.bootstrap(),
                        .topics = {"numbers"},
                        .start = starting_offsets::earliest()})
        .map([](const record&) { return 1; })
        .to(results.sink());
    REQUIRE(job.start());
    for (int patience = 0; !results.try_pop() && patience < 10'000; ++patience)
      (void)job.poll_for(1ms);
    std::size_t found = 0;
    for (const auto& task : tasks())
      found += before.contains(task) ? 0 : 1;
    std::lock_guard guard(mutex);
    CHECK(started.count("rdk:main") >= 2); // one client reads, one asks
    CHECK(started.size() >= found);
  }
  std::lock_guard guard(mutex);
  CHECK(started.count("weir.rdk.end") >= 2);
}
