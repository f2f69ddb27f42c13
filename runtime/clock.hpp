// Where weir reads the time: the interface, the system's clock and one that tests move by hand.
// Next on the control path: batch_generator.hpp.
#pragma once

#include <weir/runtime/time.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace weir {

/// The only place where weir reads time. Thread-safe; must outlive the contexts that use it.
class clock {
public:
  virtual ~clock() = default;

  /// Wall-clock time: says which time batches have, and nothing of how long anything took.
  [[nodiscard]] virtual wall_time now() const noexcept = 0;

  /// Monotonic time: decides when a batch is due and measures how long things took.
  [[nodiscard]] virtual steady_time steady_now() const noexcept = 0;

  /// Waits until `wake` is notified or `now()` reaches `deadline`, whichever comes first.
  /// May return early; callers check again. `lock` is held on entry and on return.
  virtual void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                          wall_time deadline) = 0;

  /// The same until `steady_now()` reaches `deadline`: what weir itself waits for, since the wall
  /// clock may be set.
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  steady_time deadline) {
    wait_until(lock, wake, deadline_after(now(), deadline - steady_now()));
  }
};

/// Both times of one moment.
struct moment {
  wall_time wall{};
  steady_time steady{};
};

/// The wall clock is read first: a thread that loses its core in between finds it behind, which
/// does no harm, and never ahead.
[[nodiscard]] inline moment moment_of(const clock& time) noexcept {
  const auto wall = time.now();
  return {wall, time.steady_now()};
}

/// The clock of the machine, shared by every context that is not given another.
[[nodiscard]] std::shared_ptr<clock> system_clock();

/// A clock that stands still until a test moves it.
class manual_clock final : public clock {
public:
  /// @param start the wall-clock time it shows at first; the default is a round date in 2026.
  explicit manual_clock(wall_time start = wall_time(std::chrono::seconds(1'767'225'600)));

  [[nodiscard]] wall_time now() const noexcept override;
  [[nodiscard]] steady_time steady_now() const noexcept override;
  void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                  wall_time deadline) override;

  /// Moves both times forward. Waiters notice within a millisecond of real time. Any thread.
  void advance(duration by);

  /// Sets the wall clock ahead, or back where `by` is negative; the steady one goes on. Any thread.
  void set_wall(duration by);

private:
  const wall_time start_;
  std::atomic<duration::rep> elapsed_{0};
  std::atomic<duration::rep> set_{0};
};

} // namespace weir
