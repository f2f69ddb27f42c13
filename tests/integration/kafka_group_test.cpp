// Processes that share a group on a real broker: orderly hand-over, kill -9, a frozen process that
// comes back.
#include "kafka_jobs.hpp"

#include <spawn.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include <sys/wait.h>

extern char** environ; // NOLINT: POSIX

using namespace weir;
using namespace weir::kafka;
using testing_support::outgoing_record;

namespace {

/// A running kafka_worker; killed at the end of the test if nothing else has ended it.
class worker {
public:
  worker(const std::string& brokers, const std::string& from, const std::string& to,
         const std::string& group) {
    std::vector<std::string> words{WEIR_KAFKA_WORKER, brokers, from, to, group};
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    REQUIRE(::posix_spawn(&pid_, WEIR_KAFKA_WORKER, nullptr, nullptr, argv.data(), environ) == 0);
  }
  ~worker() {
    if (pid_ > 0)
      (void)end(SIGKILL);
  }
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  /// @returns the exit code, or minus the signal.
  int end(int number) {
    signal(number);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

private:
  pid_t pid_ = -1;
};

/// A topic that is being written to, its copy, and what the group has committed of it.
class copy_job {
public:
  static constexpr int partitions = 6;

  explicit copy_job(const testing_support::real_broker& broker)
      : broker_(broker), admin_(broker.admin()) {
    admin_.create_topic(from, partitions);
    admin_.create_topic(to, 1);
    feeder_ = std::thread([this] { feed(); });
    watcher_ = std::thread([this] { watch(); });
  }
  ~copy_job() {
    stop_ = true;
    if (feeder_.joinable())
      feeder_.join();
    watcher_.join();
  }

  std::unique_ptr<worker> start() const {
    return std::make_unique<worker>(broker_.bootstrap(), from, to, group);
  }

  /// Waits until the group has committed everything that was written. @returns whether it did.
  bool drained(std::chrono::seconds limit) {
    stop_ = true;
    feeder_.join();
    const auto ends = admin_.end_offsets(from);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      const auto committed = admin_.committed_offsets(group, from);
      bool all = true;
      for (int p = 0; p < partitions; ++p)
        all = all && committed[static_cast<std::size_t>(p)] == ends[static_cast<std::size_t>(p)];
      if (all || std::chrono::steady_clock::now() > deadline)
        return all;
      std::this_thread::sleep_for(50ms);
    }
  }

  struct tally {
    std::size_t written = 0;
    std::size_t missing = 0;
    std::size_t doubled = 0;
  };
  tally compare() {
    tally result;
    std::multiset<std::string> copies;
    for (const auto& r : admin_.consume_all(to))
      copies.insert(r.value.value_or(""));
    const auto ends = admin_.end_offsets(from);
    for (int p = 0; p < partitions; ++p)
      for (std::int64_t o = 0; o < ends[static_cast<std::size_t>(p)]; ++o) {
        const auto count = copies.count(fmt::format("{}:{}", p, o));
        ++result.written;
        result.missing += count == 0;
        result.doubled += count > 1 ? count - 1 : 0;
      }
    return result;
  }
  [[nodiscard]] bool committed_only_forward() const { return forward_; }

  const std::string from = fresh_name("from");
  const std::string to = fresh_name("to");
  const std::string group = fresh_name("copy");

private:
  void feed() {
    auto admin = broker_.admin();
    std::uint64_t next = 0;
    while (!stop_) {
      admin.produce(from, 450, [&](std::uint64_t, outgoing_record& r) {
        r.partition = static_cast<std::int32_t>(next % partitions);
        r.value = std::to_string(next++);
      });
      std::this_thread::sleep_for(50ms);
    }
  }
  void watch() {
    auto admin = broker_.admin();
    std::vector<std::int64_t> highest(partitions, -1);
    while (!stop_) {
      const auto committed = admin.committed_offsets(group, from);
      for (std::size_t p = 0; p < partitions; ++p) {
        const auto now = committed[p].value_or(-1);
        forward_ = forward_ && now >= highest[p];
        highest[p] = std::max(highest[p], now);
      }
      std::this_thread::sleep_for(20ms);
    }
  }

  const testing_support::real_broker& broker_;
  testing_support::topic_admin admin_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> forward_{true};
  std::thread feeder_;
  std::thread watcher_;
};

} // namespace

SCENARIO("processes of a group hand partitions over", "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  copy_job copy(*broker);
  auto one = copy.start();
  std::this_thread::sleep_for(2s);
  auto two = copy.start();
  std::this_thread::sleep_for(3s);

  WHEN("one leaves in order and comes back") {
    CHECK(one->end(SIGTERM) == 0);
    std::this_thread::sleep_for(2s);
    one = copy.start();
    std::this_thread::sleep_for(2s);
    REQUIRE(copy.drained(30s));
    CHECK(one->end(SIGTERM) == 0);
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost and none comes twice") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled == 0);
      CHECK(copy.committed_only_forward());
    }
  }
  WHEN("one is killed") {
    CHECK(one->end(SIGKILL) == -SIGKILL);
    REQUIRE(copy.drained(40s));
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost, and only its last uncommitted batches come twice") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled < 4'000);
      CHECK(copy.committed_only_forward());
    }
  }
  WHEN("one freezes for longer than its session and comes back") {
    one->signal(SIGSTOP);
    std::this_thread::sleep_for(8s);
    one->signal(SIGCONT);
    std::this_thread::sleep_for(3s);
    REQUIRE(copy.drained(40s));
    CHECK(one->end(SIGTERM) == 0);
    CHECK(two->end(SIGTERM) == 0);
    THEN("no record is lost, and it has not taken a commit back") {
      const auto found = copy.compare();
      WARN(fmt::format("{} records, {} missing, {} doubled", found.written, found.missing,
                       found.doubled));
      CHECK(found.missing == 0);
      CHECK(found.doubled < 4'000);
      CHECK(copy.committed_only_forward());
    }
  }
}

SCENARIO("streams of one group in one process share its partitions", "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("shared");
  admin.create_topic(topic, 4);
  for (int p = 0; p < 4; ++p)
    admin.produce(topic, numbers(0, 100), p);
  auto options = reading(*broker, topic);
  options.group = fresh_name("g");
  options.properties = {{"heartbeat.interval.ms", "200"}};
  job one(make_source(options));
  start(one);
  REQUIRE(one.run_until(400));
  job two(make_source(options));
  REQUIRE(outcome_of(two.open()) == "ok");
  REQUIRE(two.turn_until([&] {
    one.turn();
    return one.under_test().ready() && two.under_test().ready();
  }));
  for (int p = 0; p < 4; ++p)
    admin.produce(topic, numbers(100, 10), p);
  for (int i = 0; i < 500 && one.records.size() + two.records.size() < 440; ++i) {
    REQUIRE(outcome_of(one.run_batch()) == "ok");
    REQUIRE(outcome_of(two.run_batch()) == "ok");
    std::this_thread::sleep_for(5ms);
  }
  CHECK(one.records.size() == 420);
  CHECK(two.records.size() == 20);
  CHECK(outcome_of(one.close()) == "ok");
  CHECK(outcome_of(two.close()) == "ok");
  CHECK(admin.committed_offsets(options.group, topic) ==
        std::vector<std::optional<std::int64_t>>(4, 110));
}

SCENARIO("a program that stops polling loses its partitions and gets them back",
         "[connectors][kafka][group]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("unpolled");
  admin.create_topic(topic, 2);
  admin.produce(topic, numbers(0, 100));
  auto options = reading(*broker, topic);
  options.group = fresh_name("g");
  options.properties = {{"session.timeout.ms", "2000"},
                        {"heartbeat.interval.ms", "200"},
                        {"max.poll.interval.ms", "2000"}};
  job stream(make_source(options));
  start(stream);
  REQUIRE(stream.run_until(100));
  settle(stream);
  std::this_thread::sleep_for(3s); // as a host that blocks its own loop
  admin.produce(topic, numbers(100, 50), 1);
  REQUIRE(stream.turn_until([&] { return !stream.under_test().ready(); }, 5s));
  REQUIRE(stream.turn_until_ready());
  CHECK(stream.run_until(150));
  CHECK(values_of(stream.records, 0) == numbers(0, 100));
  CHECK(values_of(stream.records, 1) == numbers(100, 50));
  CHECK(stream.log_text().find("not polled for") != std::string::npos);
}
