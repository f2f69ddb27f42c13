// Rate control of a running job on a real broker: an operator that varies and stalls under load.
#include "kafka_jobs.hpp"

#include <weir/weir.hpp>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

using namespace weir;
using namespace weir::kafka;
using testing_support::outgoing_record;

namespace {

constexpr auto interval = 500ms;
constexpr std::int64_t offered = 6'000;   // records/s
constexpr std::int64_t possible = 25'000; // records/s
constexpr auto stall = 2s;
constexpr auto period = 12s; // from stall to stall
constexpr int stalls = 3;
constexpr std::int64_t partitions = 6;

using steady = std::chrono::steady_clock;

/// Serves records one after another, whoever calls: a batch's records take 0.04 ms each, x a number
/// around 1 that changes from batch to batch. Thread-safe.
class counter final : public listener {
public:
  void on_started(const batch&) override {
    std::lock_guard guard(mutex_);
    factor_ = lognormal_(random_);
    free_at_ = std::max(free_at_, steady::now());
  }
  void serve(std::int64_t records) {
    std::unique_lock guard(mutex_);
    free_at_ += std::chrono::duration_cast<steady::duration>(
        std::chrono::duration<double>(factor_ * static_cast<double>(records) / possible));
    const auto until = free_at_;
    guard.unlock();
    std::this_thread::sleep_until(until);
  }
  void close_for(steady::duration length) {
    std::lock_guard guard(mutex_);
    free_at_ = std::max(free_at_, steady::now()) + length;
  }

private:
  std::mutex mutex_;
  std::mt19937_64 random_{7};
  std::lognormal_distribution<double> lognormal_{-0.02, 0.2};
  double factor_ = 1;
  steady::time_point free_at_ = steady::now();
};

/// Unread records of the latest batches.
class lag_watch final : public listener {
public:
  void on_finished(const batch_report& report) override {
    lag_.store(report.sources.front().lag);
    most_.store(std::max(most_.load(), report.sources.front().lag));
    records_ += report.records;
  }
  [[nodiscard]] std::int64_t now() const { return lag_.load(); }
  [[nodiscard]] std::int64_t most() const { return most_.load(); }
  [[nodiscard]] std::uint64_t records() const { return records_.load(); }

private:
  std::atomic<std::int64_t> lag_{0};
  std::atomic<std::int64_t> most_{0};
  std::atomic<std::uint64_t> records_{0};
};

/// Produces at a steady rate until it is destroyed.
class steady_load {
public:
  steady_load(const testing_support::real_broker& broker, std::string topic)
      : thread_([this, &broker, topic = std::move(topic)](const std::stop_token& stopped) {
          auto admin = broker.admin();
          const auto began = steady::now();
          while (!stopped.stop_requested()) {
            const auto passed = std::chrono::duration<double>(steady::now() - began).count();
            const auto due = static_cast<std::uint64_t>(passed * offered);
            admin.produce(topic, due - sent_, [](std::uint64_t i, outgoing_record& r) {
              r = {};
              r.value = "x";
              r.partition = static_cast<std::int32_t>(i % partitions);
            });
            sent_ = due;
            std::this_thread::sleep_for(50ms);
          }
        }) {}
  std::uint64_t end() {
    thread_.request_stop();
    thread_.join();
    return sent_;
  }

private:
  std::uint64_t sent_ = 0;
  std::jthread thread_;
};

} // namespace

SCENARIO("an operator that varies and stalls under load leaves no lag behind",
         "[connectors][kafka][rate]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("stalls");
  admin.create_topic(topic, partitions);
  const auto toll = std::make_shared<counter>();
  const auto lag = std::make_shared<lag_watch>();
  auto job = *context::make({.name = "stalls", .batch_interval = interval, .worker_threads = 2});
  job.add_listener(toll);
  job.add_listener(lag);
  direct_stream(job, reading(*broker, topic))
      .inspect([toll, owed = 0](const record&) mutable {
        if (++owed == 50)
          toll->serve(std::exchange(owed, 0));
      })
      .for_each_batch([](const auto&) {});
  REQUIRE(outcome_of(job.start()) == "ok");
  steady_load load(*broker, topic);
  std::vector<std::int64_t> before_next;
  std::this_thread::sleep_for(period);
  for (int i = 0; i < stalls; ++i) {
    toll->close_for(stall);
    std::this_thread::sleep_for(period);
    before_next.push_back(lag->now());
  }
  const auto sent = load.end();
  for (int i = 0; i < 100 && lag->records() < sent; ++i)
    std::this_thread::sleep_for(50ms);
  REQUIRE(outcome_of(job.stop()) == "ok");
  CAPTURE(before_next, lag->most(), sent, lag->records());
  const std::int64_t allowed = offered * interval / 1s;
  for (const auto unread : before_next)
    CHECK(unread <= allowed);
  CHECK(lag->records() == sent);
}
