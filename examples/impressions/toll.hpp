// The costly operator: a stand-in for a slow call, with a known capacity. Next: load.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

namespace impressions {

/// One counter at which every record is served for the same time, one after another, however many
/// threads queue there: so the job's capacity is `records_per_second`, whatever the number of its
/// workers. Waiting is sleep, not work, and a sleep that lasts too long (the machine is busy) is
/// made up for: up to `catch_up` of it. Thread-safe.
class toll {
public:
  using clock = std::chrono::steady_clock;

  explicit toll(std::int64_t records_per_second)
      : cost_(std::chrono::nanoseconds(1'000'000'000) / records_per_second),
        slice_(std::max<std::int64_t>(1, shortest_sleep / cost_)) {}

  /// Returns when `records` have been served.
  void pay(std::int64_t records) {
    const auto now = clock::now().time_since_epoch();
    auto free_at = free_at_.load(std::memory_order_relaxed);
    clock::duration served{};
    do {
      served = std::max(free_at, now - catch_up) + cost_ * records;
    } while (!free_at_.compare_exchange_weak(free_at, served, std::memory_order_relaxed));
    std::this_thread::sleep_until(clock::time_point(served));
  }

  /// How many records to pay for at once: short sleeps are imprecise.
  [[nodiscard]] std::int64_t slice() const noexcept { return slice_; }

private:
  static constexpr std::chrono::milliseconds shortest_sleep{2};
  static constexpr std::chrono::milliseconds catch_up{20};

  const clock::duration cost_;
  const std::int64_t slice_;
  std::atomic<clock::duration> free_at_{clock::duration::min() / 2}; ///< When the counter is free.
};

/// What the operator calls for each record; every replica owns one. Without a toll it is free.
class payer {
public:
  explicit payer(std::shared_ptr<toll> at) : at_(std::move(at)) {}

  template <class Record>
  void operator()(const Record&) {
    if (at_ && ++owed_ >= at_->slice())
      at_->pay(std::exchange(owed_, 0));
  }

private:
  std::shared_ptr<toll> at_;
  std::int64_t owed_ = 0;
};

} // namespace impressions
