// A sink whose broker goes away while a batch is open.
#include "kafka_jobs.hpp"

#include <fstream>
#include <set>
#include <thread>

using namespace weir;
using namespace weir::kafka;
using testing_support::real_broker;

namespace {

replica_context plain_context() {
  replica_context env;
  env.wake = [] {};
  env.log = [](log_level, std::string_view) {};
  return env;
}

/// Calls again while the producer is blocked. @returns whether it was done in time.
template <class Call>
expected<bool> patiently(Call&& call, std::chrono::seconds limit = 30s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    auto done = call();
    if (!done)
      return std::move(done).error();
    if (*done == progress::done)
      return true;
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(1ms);
  }
}

expected<bool> write(producer& to, const std::vector<std::string>& values) {
  for (const auto& value : values)
    if (auto sent = patiently([&] { return to.send({.value = value}); }); !sent || !*sent)
      return sent;
  return patiently([&] { return to.flush(); });
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * 4096;
}

} // namespace

TEST_CASE("a broker dies while a batch of a sink is open", "[connectors][kafka][sink][outage]") {
  if (!require_broker()) // says why there is none
    return;
  real_broker broker;
  auto admin = broker.admin();
  admin.create_topic("out", 1);
  producer to({.brokers = broker.bootstrap(),
               .topic = "out",
               .properties = {{"reconnect.backoff.max.ms", "200"}}});
  REQUIRE(outcome_of(to.open(plain_context())) == "ok");
  int next = 0;
  std::set<std::string> acknowledged;
  const auto batch = [&] {
    const auto values = numbers(next, 200);
    next += 200;
    const auto written = write(to, values);
    REQUIRE(outcome_of(written) == "ok");
    REQUIRE(*written);
    acknowledged.insert(values.begin(), values.end());
  };
  batch();
  broker.suspend(); // what is sent now gets numbers, and no answer
  for (const auto& value : numbers(next, 200))
    REQUIRE(outcome_of(to.send({.value = value})) == "ok");
  next += 200;
  std::this_thread::sleep_for(200ms);
  broker.kill();
  std::this_thread::sleep_for(100ms); // what had been sent waits to be sent again
  to.abort();
  broker.restart();
  batch();
  batch();

  std::set<std::string> stored;
  for (const auto& r : admin.consume_all("out"))
    stored.insert(r.value.value_or(""));
  CHECK(std::ranges::includes(stored, acknowledged));

  broker.suspend();
  auto env = plain_context();
  env.retained_share = 4 << 20;
  for (const std::size_t size : {0, 10, 1'000, 100'000}) { // in the queue they weigh alike
    producer bounded({.brokers = broker.bootstrap(), .connect_timeout = 1ms});
    (void)bounded.open(env); // nobody answers
    const auto before = resident_bytes();
    const std::string value(size, 'x');
    std::size_t taken = 0;
    while (true) {
      const auto sent = bounded.send({.topic = "out", .value = value});
      REQUIRE(outcome_of(sent) == "ok");
      if (*sent == progress::blocked)
        break;
      ++taken;
    }
    CAPTURE(size, taken);
    CHECK(taken >= 1);
    CHECK(taken * (size + 200) <= 4 << 20);
    CHECK(resident_bytes() < before + (12 << 20));
    const auto began = std::chrono::steady_clock::now();
    bounded.close(); // a stop waits for it
    CHECK(std::chrono::steady_clock::now() - began < 1s);
  }
}
