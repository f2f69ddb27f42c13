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

  /// Wall-clock time: decides when a batch is due.
  [[nodiscard]] virtual wall_time now() const noexcept = 0;

  /// Monotonic time: measures how long things took.
  [[nodiscard]] virtual steady_time steady_now() const noexcept = 0;

  /// Waits until `wake` is notified or `now()` reaches `deadline`, whichever comes first.
  /// May return early; callers check again. `lock` is held on entry and on return.
  virtual void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& wake,
                          wall_time deadline) = 0;
};

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

private:
  const wall_time start_;
  std::atomic<duration::rep> elapsed_{0};
};

} // namespace weir
