// The costly operator: a stand-in for a slow call, with a known capacity. Next: load.hpp.
#pragma once

#include <weir/runtime/listener.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>

namespace impressions {

/// One counter at which records are served one after another, however many threads queue there: so
/// the job's capacity is `records_per_second` on average, whatever the number of its workers. As
/// with any real service the time for a record varies from batch to batch, and the counter can
/// stall. Waiting is sleep, not work. A sleep that lasts too long because the machine is busy is
/// made up for within the same batch, so that the capacity is what it says. Thread-safe.
class toll final : public weir::listener {
public:
  using clock = std::chrono::steady_clock;
  static constexpr double usual_noise = 0.1;

  /// @param noise relative standard deviation of a record's time, the same for all of a batch
  /// (lognormal, mean 1); 0: always the same time.
  toll(std::int64_t records_per_second, double noise)
      : cost_(std::chrono::nanoseconds(std::chrono::seconds(1)) / records_per_second),
        slice_(std::max<std::int64_t>(1, shortest_sleep / cost_)), noise_(noise),
        factor_(-noise * noise / 2, noise) {}

  /// The counter was idle until now: that time is not made up for.
  void on_started(const weir::batch&) override {
    serve_from(clock::now().time_since_epoch(), 0);
    if (noise_ > 0)
      now_factor_.store(factor_(random_), std::memory_order_relaxed);
  }

  /// Serves nobody for so long, from now on.
  void stall(clock::duration length) {
    const auto until = clock::now().time_since_epoch() + length;
    auto free_at = free_at_.load(std::memory_order_relaxed);
    while (free_at < until &&
           !free_at_.compare_exchange_weak(free_at, until, std::memory_order_relaxed)) {
    }
  }

  /// Returns when `records` have been served.
  void pay(std::int64_t records) {
    const auto served = serve_from(clock::now().time_since_epoch() - most_made_up, records);
    std::this_thread::sleep_until(clock::time_point(served));
  }

  /// How many records to pay for at once: short sleeps are imprecise.
  [[nodiscard]] std::int64_t slice() const noexcept { return slice_; }

private:
  static constexpr std::chrono::milliseconds shortest_sleep{2};
  static constexpr std::chrono::milliseconds most_made_up{500};

  /// Queues `records` behind those that are served already. @returns when they will be.
  clock::duration serve_from(clock::duration earliest, std::int64_t records) {
    auto free_at = free_at_.load(std::memory_order_relaxed);
    clock::duration served{};
    do {
      served = std::max(free_at, earliest) +
               std::chrono::duration_cast<clock::duration>(
                   cost_ * records * now_factor_.load(std::memory_order_relaxed));
    } while (!free_at_.compare_exchange_weak(free_at, served, std::memory_order_relaxed));
    return served;
  }

  const clock::duration cost_;
  const std::int64_t slice_;
  const double noise_;
  std::lognormal_distribution<double> factor_; ///< As `random_`, of the thread that starts batches.
  std::mt19937_64 random_{42};
  std::atomic<double> now_factor_{1};                             ///< Of the batch that runs.
  std::atomic<clock::duration> free_at_{clock::duration::zero()}; ///< When the counter is free.
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
