// The control thread: tasks from any thread, and a turn of regular work whenever it is due. Next:
// job.hpp.
#pragma once

#include <weir/runtime/clock.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace weir {

/// A queue of tasks that one thread works through. With a clock it also wakes at a deadline.
class control_loop {
public:
  explicit control_loop(clock& time) : time_(&time) {}
  ~control_loop();

  /// From any thread. The task runs on the loop's thread, in order of posting.
  void post(std::function<void()> task);

  /// Calls `call` after each post, on the posting thread. Before the first post.
  void on_post(std::function<void()> call) { posted_ = std::move(call); }

  /// Runs what has been posted, on the calling thread. @returns whether there was anything.
  bool run_posted();

  /// Waits until something is posted or `deadline` has come.
  void wait_until(steady_time deadline);

private:
  clock* time_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::function<void()> posted_;
};

/// Names the calling thread (cut to 15 characters) and calls the host's hook.
void enter_thread(const std::string& name, const std::function<void(std::string_view)>& hook);

/// One thread that runs blocking work in order: broker queries of the sources.
class helper_thread {
public:
  helper_thread(std::string name, std::function<void(std::string_view)> hook);
  ~helper_thread(); ///< Finishes what is queued.

  void post(std::function<void()> work);

private:
  void run(const std::string& name, const std::function<void(std::string_view)>& hook);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace weir
