#include <weir/runtime/internal/control_loop.hpp>

#include <iterator>

#include <pthread.h>

namespace weir {

control_loop::~control_loop() = default;

void control_loop::post(std::function<void()> task) {
  {
    std::lock_guard guard(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_all(); // in line two threads may wait
  if (posted_)
    posted_();
}

bool control_loop::run_posted() {
  std::deque<std::function<void()>> tasks;
  {
    std::lock_guard guard(mutex_);
    tasks.swap(tasks_);
  }
  const bool any = !tasks.empty();
  try {
    for (; !tasks.empty(); tasks.pop_front())
      tasks.front()();
  } catch (...) { // the others are not lost
    tasks.pop_front();
    std::lock_guard guard(mutex_);
    tasks_.insert(tasks_.begin(), std::make_move_iterator(tasks.begin()),
                  std::make_move_iterator(tasks.end()));
    throw;
  }
  return any;
}

void control_loop::wait_until(steady_time deadline) {
  std::unique_lock lock(mutex_);
  if (tasks_.empty() && time_->steady_now() < deadline)
    time_->wait_until(lock, wake_, deadline);
}

void enter_thread(const std::string& name, const std::function<void(std::string_view)>& hook) {
  const std::string shown = name.substr(0, 15); // the kernel's limit
  pthread_setname_np(pthread_self(), shown.c_str());
  if (hook)
    hook(shown);
}

helper_thread::helper_thread(std::string name, std::function<void(std::string_view)> hook)
    : thread_([this, name = std::move(name), hook = std::move(hook)] { run(name, hook); }) {}

helper_thread::~helper_thread() {
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void helper_thread::post(std::function<void()> work) {
  {
    std::lock_guard guard(mutex_);
    work_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void helper_thread::run(const std::string& name,
                        const std::function<void(std::string_view)>& hook) {
  enter_thread(name, hook);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !work_.empty(); });
    if (work_.empty())
      return;
    auto next = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    next();
    lock.lock();
  }
}

} // namespace weir
