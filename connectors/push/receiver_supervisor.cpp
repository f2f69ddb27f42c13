#include <weir/connectors/push/receiver_supervisor.hpp>

#include <weir/connectors/push/back_off.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

std::string_view to_string(receiver_state state) noexcept {
  switch (state) {
  case receiver_state::initialized:
    return "initialized";
  case receiver_state::started:
    return "started";
  case receiver_state::restarting:
    return "restarting";
  case receiver_state::stopped:
    return "stopped";
  }
  return "unknown";
}

namespace detail {
namespace {

constexpr std::size_t most_errors = 16; ///< Kept for one report.

/// What the user's function returns, or what it throws as an error.
template <class Call>
expected<void> guarded(const char* name, Call&& call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    return error(errc::user_function_failed, fmt::format("{} threw: {}", name, thrown.what()));
  } catch (...) {
    return error(errc::user_function_failed, fmt::format("{} threw", name));
  }
}

} // namespace

receiver_supervisor::receiver_supervisor(std::uint32_t index, restart_options restarts)
    : index_(index), restarts_(restarts) {}

receiver_supervisor::~receiver_supervisor() { end(); }

void receiver_supervisor::begin(const source_setup& setup, actions of) {
  actions_ = std::move(of);
  time_ = &setup.host->clock();
  delays_ = std::make_unique<back_off>(restarts_, setup.seed * 1'000'003 + index_);
  host_ = setup.host;
  thread_ = std::thread([this] { supervise(); });
}

void receiver_supervisor::end() {
  {
    std::lock_guard guard(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
  std::lock_guard guard(mutex_);
  state_ = receiver_state::stopped;
  host_ = nullptr;
}

void receiver_supervisor::restart(error reason, std::optional<duration> delay) {
  {
    std::lock_guard guard(mutex_);
    if (ending_ || wish_ || state_ == receiver_state::stopped)
      return;
    wish_ = wish{.for_good = false, .delay = delay};
    note(log_level::warning, std::move(reason));
  }
  changed_.notify_all();
}

void receiver_supervisor::report(error reason) {
  std::lock_guard guard(mutex_);
  note(log_level::warning, std::move(reason));
}

void receiver_supervisor::stop(std::string reason) {
  {
    std::lock_guard guard(mutex_);
    if (ending_ || state_ == receiver_state::stopped)
      return;
    wish_ = wish{.for_good = true, .delay = {}};
    if (host_)
      host_->log(log_level::info, "weir.receiver",
                 fmt::format("receiver {} stops: {}", index_, reason));
  }
  changed_.notify_all();
}

void receiver_supervisor::run(std::function<void(std::stop_token)> work) {
  std::lock_guard guard(mutex_);
  if (!accepts_threads_)
    return;
  working_.emplace_back([this, host = host_, work = std::move(work)](std::stop_token stop) {
    host->enter_thread(fmt::format("recv{}", index_));
    if (auto done = guarded("the receiver's thread",
                            [&]() -> expected<void> {
                              work(stop);
                              return {};
                            });
        !done)
      restart(std::move(done).error(), {});
  });
}

std::function<void()> receiver_supervisor::reporting(std::shared_ptr<receiver_supervisor> to,
                                                     std::function<void()> call) {
  if (!call)
    return call;
  return [to = std::move(to), call = std::move(call)] {
    if (auto called = guarded("the acknowledgement",
                              [&]() -> expected<void> {
                                call();
                                return {};
                              });
        !called)
      to->report(std::move(called).error());
  };
}

receiver_state receiver_supervisor::state() const {
  std::lock_guard guard(mutex_);
  return state_;
}

std::vector<error> receiver_supervisor::take_errors() {
  std::lock_guard guard(mutex_);
  return std::exchange(errors_, {});
}

void receiver_supervisor::supervise() {
  host_->enter_thread(fmt::format("recv{}", index_)); // set before the thread was started
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    start_receiver();
    lock.lock();
    changed_.wait(lock, [&] { return ending_ || wish_; });
    lock.unlock();
    stop_receiver();
    lock.lock();
    if (ending_)
      return;
    const auto wanted = *std::exchange(wish_, std::nullopt);
    if (wanted.for_good) {
      state_ = receiver_state::stopped;
      lock.unlock();
      actions_.ended();
      return;
    }
    state_ = receiver_state::restarting;
    const auto now = time_->steady_now();
    const auto again =
        deadline_after(now, wanted.delay ? *wanted.delay : delays_->next(now - started_));
    while (!ending_ && time_->steady_now() < again)
      time_->wait_until(lock, changed_, again);
  }
}

void receiver_supervisor::start_receiver() {
  {
    std::lock_guard guard(mutex_);
    accepts_threads_ = true;
    started_ = time_->steady_now();
  }
  auto started = guarded("on_start", actions_.start);
  if (!started) {
    restart(std::move(started).error().with("on_start"), {});
    return;
  }
  std::lock_guard guard(mutex_);
  if (!wish_)
    state_ = receiver_state::started;
}

void receiver_supervisor::stop_receiver() {
  std::vector<std::jthread> working;
  {
    std::lock_guard guard(mutex_);
    accepts_threads_ = false;
    working.swap(working_);
  }
  for (auto& thread : working)
    thread.request_stop();
  auto stopped = guarded("on_stop", [&]() -> expected<void> {
    actions_.stop();
    return {};
  });
  working.clear(); // joins
  if (!stopped)
    report(std::move(stopped).error());
}

void receiver_supervisor::note(log_level level, error what) {
  auto told = std::move(what).with(fmt::format("receiver {}", index_));
  if (host_)
    host_->log(level, "weir.receiver", told.to_string());
  if (errors_.size() == most_errors)
    errors_.erase(errors_.begin());
  errors_.push_back(std::move(told));
}

} // namespace detail
} // namespace weir
