// Processes that copy a topic: started, killed, and their copies compared with what was written.
#pragma once

#include "kafka_jobs.hpp"

#include <tests/support/child_process.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace weir::kafka {

using testing_support::outgoing_record;

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

  /// @param more arguments of the worker behind the group.
  std::unique_ptr<test::child_process> start(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{broker_.bootstrap(), from, to, group};
    words.insert(words.end(), more.begin(), more.end());
    return std::make_unique<test::child_process>(WEIR_KAFKA_WORKER, std::move(words));
  }

  /// Waits until so many more records than now have been copied. @returns whether they have.
  bool copies_more(std::int64_t records, std::chrono::seconds limit) {
    const auto copied = [&] { return admin_.end_offsets(to).at(0); };
    const auto enough = copied() + records;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (copied() < enough && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(20ms);
    return copied() >= enough;
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

} // namespace weir::kafka
