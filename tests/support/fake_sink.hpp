// A sink that fails or stops on demand, and tells what was asked of it.
#pragma once

#include <weir/runtime/sink.hpp>

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weir::test {

/// What the replicas of a fake sink share with the test. Thread-safe.
class sink_control {
public:
  /// The call with this name fails from now on: "open", "begin", "write", "prepare" or "commit".
  void fail_in(std::string call) {
    std::lock_guard guard(mutex_);
    failing_ = std::move(call);
  }

  /// `write` and `commit` return `blocked` from now on.
  void shut() {
    std::lock_guard guard(mutex_);
    shut_ = true;
  }

  /// They go on, and whoever is blocked is woken.
  void reopen() {
    std::vector<std::function<void()>> wakes;
    {
      std::lock_guard guard(mutex_);
      shut_ = false;
      blocked_ = false;
      wakes = wakes_;
    }
    for (const auto& wake : wakes)
      wake();
  }

  /// Waits until a call has returned `blocked`. @returns false when none does within 10 s.
  [[nodiscard]] bool wait_until_blocked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return blocked_; });
  }

  /// Every call so far, in order: "begin", "write 7" for a record, "commit", ...
  [[nodiscard]] std::vector<std::string> calls() const {
    std::lock_guard guard(mutex_);
    return calls_;
  }
  [[nodiscard]] std::ptrdiff_t count(std::string_view call) const {
    std::lock_guard guard(mutex_);
    return std::count(calls_.begin(), calls_.end(), call);
  }

  // ---- for the sink

  expected<void> enter(std::string call) {
    std::lock_guard guard(mutex_);
    const bool fails = call == failing_ || (failing_ == "write" && call.starts_with("write"));
    calls_.push_back(std::move(call));
    if (fails)
      return error(errc::sink_failed, "the fake sink fails in " + failing_);
    return {};
  }
  [[nodiscard]] bool blocks() {
    std::lock_guard guard(mutex_);
    blocked_ = shut_;
    changed_.notify_all();
    return shut_;
  }
  void forget_wakes() {
    std::lock_guard guard(mutex_);
    wakes_.clear();
  }
  void add_wake(std::function<void()> wake) {
    std::lock_guard guard(mutex_);
    wakes_.push_back(std::move(wake));
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string failing_;
  bool shut_ = false;
  bool blocked_ = false;
  std::vector<std::string> calls_;
  std::vector<std::function<void()>> wakes_;
};

template <class T>
class fake_sink final : public sink<T> {
public:
  explicit fake_sink(std::shared_ptr<sink_control> control) : control_(std::move(control)) {}

  expected<void> open(const replica_context& context) override {
    control_->add_wake(context.wake);
    return control_->enter("open");
  }
  expected<void> begin(const batch&) override { return control_->enter("begin"); }
  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    for (; written < in.records.size(); ++written) {
      if (control_->blocks())
        return progress::blocked;
      if (auto entered = control_->enter(fmt::format("write {}", in.records[written])); !entered)
        return std::move(entered).error();
    }
    return progress::done;
  }
  expected<progress> prepare() override { return done(control_->enter("prepare")); }
  expected<progress> commit() override {
    if (control_->blocks())
      return progress::blocked;
    return done(control_->enter("commit"));
  }
  void abort() noexcept override { (void)control_->enter("abort"); }
  void close() noexcept override {
    control_->forget_wakes(); // they are valid until now only
    (void)control_->enter("close");
  }

private:
  static expected<progress> done(expected<void> result) {
    if (!result)
      return std::move(result).error();
    return progress::done;
  }

  std::shared_ptr<sink_control> control_;
};

template <class T>
sink_factory<T> to_fake_sink(std::shared_ptr<sink_control> control,
                             sink_traits traits = {.name = "fake"}) {
  return {.traits = std::move(traits),
          .make = [control] { return std::make_unique<fake_sink<T>>(control); }};
}

} // namespace weir::test
