// The load generator: impressions at a steady rate, then many, then at a steady rate again.
// Next: history.hpp.
#pragma once

#include <weir/connectors/kafka.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace impressions {

/// `records` spread evenly over `length`.
struct phase {
  std::string name;
  std::int64_t records = 0;
  std::chrono::milliseconds length{}; ///< 0: as fast as the brokers take them.

  [[nodiscard]] std::int64_t rate() const {
    return records * 1000 / std::max<std::int64_t>(1, length.count());
  }
};

/// Produces on a thread of its own, from `start` until the last phase is over and acknowledged.
class load_generator {
public:
  load_generator(weir::kafka::producer_options to, std::int32_t partitions,
                 std::vector<phase> phases);

  /// Connects. @param began called on the generator's thread at the begin of each phase.
  weir::expected<void> start(std::function<void(const phase&)> began = {});

  /// Ends early. What was produced is still acknowledged.
  void stop() { thread_.request_stop(); }

  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }
  [[nodiscard]] std::int64_t sent() const { return sent_.load(std::memory_order_relaxed); }

  /// Once finished: records that the brokers have acknowledged, all that were sent, or why not.
  [[nodiscard]] const weir::expected<std::int64_t>& acknowledged() const { return acknowledged_; }

private:
  weir::expected<std::int64_t> run(const std::stop_token& stopped,
                                   const std::function<void(const phase&)>& began);
  weir::expected<void> run(const phase& now, const std::stop_token& stopped);
  weir::expected<weir::progress> send_one();

  weir::kafka::producer producer_;
  const std::int32_t partitions_;
  const std::vector<phase> phases_;
  std::minstd_rand random_{42};
  std::atomic<std::int64_t> sent_{0};
  std::atomic<bool> finished_{false};
  weir::expected<std::int64_t> acknowledged_ = 0; ///< Read by others once `finished_`.
  std::jthread thread_;                           ///< Last: it ends before what it uses.
};

} // namespace impressions
