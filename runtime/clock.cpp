#include <weir/runtime/clock.hpp>

#include <algorithm>

namespace weir {
namespace {

class machine_clock final : public clock {
public:
  wall_time now() const noexcept override { return std::chrono::system_clock::now(); }
  steady_time steady_now() const noexcept override { return std::chrono::steady_clock::now(); }

  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  wall_time deadline) override {
    // Waits on the monotonic clock: a jump of the wall clock must not stretch the wait, so it is
    // cut short and the caller looks at now() again.
    constexpr duration longest = std::chrono::milliseconds(500);
    const duration left = std::clamp<duration>(deadline - now(), duration::zero(), longest);
    wake.wait_for(lock, left);
  }
};

} // namespace

std::shared_ptr<clock> system_clock() {
  static const auto shared = std::make_shared<machine_clock>();
  return shared;
}

manual_clock::manual_clock(wall_time start) : start_(start) {}

wall_time manual_clock::now() const noexcept {
  return start_ + duration(elapsed_.load(std::memory_order_acquire)) +
         duration(set_.load(std::memory_order_acquire));
}

steady_time manual_clock::steady_now() const noexcept {
  return steady_time(duration(elapsed_.load(std::memory_order_acquire)));
}

void manual_clock::wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                              wall_time deadline) {
  // Looks again every millisecond instead of keeping a list of waiters, whose lifetimes it could
  // not know.
  if (now() < deadline)
    wake.wait_for(lock, std::chrono::milliseconds(1));
}

void manual_clock::advance(duration by) {
  elapsed_.fetch_add(by.count(), std::memory_order_acq_rel);
}

void manual_clock::set_wall(duration by) { set_.fetch_add(by.count(), std::memory_order_acq_rel); }

} // namespace weir
