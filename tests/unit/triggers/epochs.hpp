// What tests of continuous jobs share: options, patience, and a sink that shows records as they
// come.
#pragma once

#include <weir/weir.hpp>

#include <tests/support/jobs.hpp>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::test {

inline context_options continuous(run_mode how) {
  auto options = options_for(how);
  options.trigger = trigger::continuous;
  return options;
}

/// Does what can be done until `reached`, at most ten seconds of real time. The clock stands still.
template <class Reached>
bool run_until(context& job, Reached reached) {
  using namespace std::chrono_literals;
  for (int i = 0; i < 10'000; ++i) {
    (void)job.run_ready();
    if (reached())
      return true;
    if (job.options().executor == executor_kind::in_line)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

/// Remembers what sinks are given, as they are given it. Thread-safe; outlives the job.
class seen_rows {
public:
  sink_factory<int> sink() {
    return {.traits = {.name = "seen"}, .make = [this] { return std::make_unique<taker>(*this); }};
  }
  [[nodiscard]] std::vector<int> rows() const {
    std::lock_guard guard(mutex_);
    return rows_;
  }
  [[nodiscard]] std::vector<std::string> calls() const {
    std::lock_guard guard(mutex_);
    return calls_;
  }

private:
  struct taker final : weir::sink<int> {
    explicit taker(seen_rows& shown) : to(shown) {}
    expected<void> begin(const batch& whole) override {
      note(fmt::format("begin {}", whole.epoch));
      return {};
    }
    expected<progress> write(const sink_block<int>& in, std::size_t& written) override {
      std::lock_guard guard(to.mutex_);
      to.rows_.insert(to.rows_.end(), in.records.begin(), in.records.end());
      written = in.records.size();
      return progress::done;
    }
    expected<progress> commit() override {
      note("commit");
      return progress::done;
    }
    void abort() noexcept override { note("abort"); }
    void note(std::string call) {
      std::lock_guard guard(to.mutex_);
      to.calls_.push_back(std::move(call));
    }
    seen_rows& to;
  };

  mutable std::mutex mutex_;
  std::vector<int> rows_;
  std::vector<std::string> calls_;
};

} // namespace weir::test
