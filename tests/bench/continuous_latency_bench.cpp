// From a push to its result through three steps under trigger::continuous, beside two hand-offs
// between threads through a mutex and a condition variable: what any pipeline on a thread of its
// own costs. Prints one JSON object per pair of runs, in nanoseconds; run.py calls it.
//
//   continuous_latency_bench [PAIRS] [WORKER_THREADS]
#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace weir;
using namespace std::chrono_literals;
using stopwatch = std::chrono::steady_clock;

constexpr int records = 5'000;
constexpr int warm_up = 500;  // not counted
constexpr auto pause = 200us; // long enough that every thread is asleep again

std::int64_t now() { return stopwatch::now().time_since_epoch().count(); }

struct percentiles {
  std::int64_t p50 = 0;
  std::int64_t p99 = 0;
};

percentiles of(std::vector<std::int64_t> latencies) {
  std::sort(latencies.begin(), latencies.end());
  return {latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100]};
}

/// Pushes the time, one record after another; takes it out on another thread.
template <class Push, class Pop>
percentiles measure(Push push, Pop pop) {
  std::vector<std::int64_t> latencies;
  std::thread taker([&] {
    for (int i = 0; i < warm_up + records; ++i) {
      const std::int64_t sent = pop();
      if (i >= warm_up)
        latencies.push_back(now() - sent);
    }
  });
  auto due = stopwatch::now();
  for (int i = 0; i < warm_up + records; ++i) {
    std::this_thread::sleep_until(due += pause);
    push(now());
  }
  taker.join();
  return of(std::move(latencies));
}

class hand_off {
public:
  void push(std::int64_t value) {
    {
      std::lock_guard guard(mutex_);
      values_.push_back(value);
    }
    filled_.notify_one();
  }
  std::int64_t pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [&] { return !values_.empty(); });
    const auto value = values_.front();
    values_.pop_front();
    return value;
  }

private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::int64_t> values_;
};

percentiles by_hand() {
  hand_off in;
  hand_off out;
  std::thread between([&] {
    for (int i = 0; i < warm_up + records; ++i)
      out.push(in.pop());
  });
  const auto result =
      measure([&](std::int64_t value) { in.push(value); }, [&] { return out.pop(); });
  between.join();
  return result;
}

percentiles by_weir(std::size_t threads) {
  auto job = *context::make({.name = "latency",
                             .batch_interval = 100ms,
                             .trigger = trigger::continuous,
                             .rate_control = {.enabled = false},
                             .worker_threads = threads});
  const auto log = std::make_shared<memory_log<std::int64_t>>();
  const outlet<std::int64_t> results;
  memory_stream(job, log)
      .map([](std::int64_t sent) { return sent + 1; })
      .filter([](std::int64_t sent) { return sent != 0; })
      .map([](std::int64_t sent) { return sent - 1; })
      .to(results.sink());
  if (auto started = job.start(); !started) {
    fmt::print(stderr, "{}\n", started.error().to_string());
    std::exit(1);
  }
  const auto result = measure([&](std::int64_t value) { log->append(value); },
                              [&] { return results.pop().value(); });
  (void)job.stop();
  return result;
}

} // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 5;
  const auto threads = argc > 2 ? static_cast<std::size_t>(std::atoi(argv[2])) : 0;
  for (int i = 0; i < pairs; ++i) {
    const auto weirs = by_weir(threads);
    const auto hands = by_hand();
    fmt::print(
        "{{\"weir_p50\": {}, \"baseline_p50\": {}, \"weir_p99\": {}, \"baseline_p99\": {}}}\n",
        weirs.p50, hands.p50, weirs.p99, hands.p99);
  }
  return 0;
}
