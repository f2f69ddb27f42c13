// Which worker thread runs what: a queue of ready jobs for each worker. No CAF in it.
#pragma once

#include <boost/circular_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace weir::actors {

/// Jobs that wait for a worker. Each has a home, the worker that runs it; a worker that has been
/// free of jobs of its own for a while helps the others until it has one. All calls from any
/// thread.
///
/// What runs at one home shares a core's cache. In one queue for all workers, blocks and the Kafka
/// client's messages kept changing cores: counting records with two workers took 1.6 s of CPU time
/// where 1.1 s do with homes.
template <class Job>
class home_queues {
public:
  /// How long a worker waits for a job of its own before it takes one from another.
  static constexpr auto patience = std::chrono::milliseconds(1);

  /// @param by the worker that calls, if one does: it will soon look at its own queue again.
  void put(std::size_t home, Job* job, std::optional<std::size_t> by = {}) {
    std::unique_lock guard(lock_);
    auto& at = worker_at(home);
    if (at.jobs.full())
      at.jobs.set_capacity(std::max<std::size_t>(64, 2 * at.jobs.capacity()));
    at.jobs.push_back(job);
    ++waiting_;
    auto* const woken = whom_to_wake(at, by == home);
    guard.unlock(); // or who wakes would wait for the lock at once
    if (woken)
      woken->wake.notify_one();
  }

  /// The next job of a worker; waits until there is one.
  Job* take(std::size_t id) {
    std::unique_lock guard(lock_);
    auto& self = worker_at(id);
    if (std::exchange(self.ran_own, false))
      self.free_since = steady_clock::now();
    for (;;) {
      if (!self.jobs.empty()) {
        self.ran_own = true;
        return front(self);
      }
      if (waiting_ == 0) {
        self.idle = self.sleeps = true;
        self.wake.wait(guard);
      } else if (const auto until = self.free_since + patience; steady_clock::now() < until) {
        self.idle = true;
        self.wake.wait_until(guard, until);
      } else {
        return front(*std::ranges::max_element(workers_, {}, &worker::backlog));
      }
      self.idle = self.sleeps = false;
    }
  }

  /// The next job of a worker, null when it has none.
  Job* try_take(std::size_t id) {
    const std::lock_guard guard(lock_);
    auto& self = worker_at(id);
    return self.jobs.empty() ? nullptr : front(self);
  }

private:
  using steady_clock = std::chrono::steady_clock;

  struct worker {
    boost::circular_buffer<Job*> jobs{};
    std::condition_variable wake{};
    steady_clock::time_point free_since{}; ///< Of jobs of its own.
    bool ran_own = false;                  ///< The job that it took last was its own.
    bool idle = false;                     ///< Waits, and nobody has woken it.
    bool sleeps = false;                   ///< Idle without a time limit.

    [[nodiscard]] std::size_t backlog() const noexcept { return jobs.size(); }
  };

  worker& worker_at(std::size_t id) {
    while (workers_.size() <= id)
      workers_.emplace_back();
    return workers_[id];
  }

  /// For the job that `at` has just got.
  worker* whom_to_wake(worker& at, bool by_itself) {
    auto* woken = &at;
    if (!at.idle) { // busy: one that sleeps until something waits anywhere may have to help
      const auto sleeper = std::ranges::find_if(workers_, &worker::sleeps);
      if (sleeper == workers_.end() || (by_itself && at.jobs.size() == 1))
        return nullptr;
      woken = &*sleeper;
    }
    woken->idle = woken->sleeps = false; // it is awake: what comes next may be for another
    return woken;
  }

  Job* front(worker& from) {
    auto* const job = from.jobs.front();
    from.jobs.pop_front();
    --waiting_;
    return job;
  }

  std::mutex lock_;
  std::deque<worker> workers_; ///< Made when first named. A deque: they stay in place.
  std::size_t waiting_ = 0;    ///< Jobs in all queues.
};

} // namespace weir::actors
