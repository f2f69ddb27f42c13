// Drives a source and its receivers without an engine: one thread, real time, every call in the
// order of the contract.
#pragma once

#include <weir/runtime/receiver.hpp>
#include <weir/runtime/source.hpp>

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::testing_support {

/// Takes every block, refuses none.
template <class T>
class collecting_emitter final : public emitter {
public:
  void emit(partition_id partition, block_ptr data) override {
    ++blocks;
    for (const auto& record : block_cast<T>(*data).records())
      on_record(partition, record);
  }

  std::function<void(partition_id, const T&)> on_record;
  std::size_t blocks = 0;
};

/// The text of a failure, or "ok": `CHECK(outcome_of(job.open()) == "ok")` shows what went wrong.
template <class T>
[[nodiscard]] std::string outcome_of(const expected<T>& result) {
  return result ? std::string("ok") : result.error().to_string();
}

/// One job with one source and nothing behind it. `T` is the source's record type; what is read is
/// kept as owned records once its batch is complete, so a batch that is aborted leaves nothing.
template <class T>
class source_harness final : public source_host {
public:
  using owned = owned_t<T>;

  struct settings {
    std::uint32_t replicas = 1;
    std::size_t memory_share = std::size_t{64} << 20;
    block_limits limits{};
    bool keep_records = true;
  };

  explicit source_harness(const source_factory& make, settings with = {})
      : settings_(with), source_(make()) {}
  ~source_harness() override { (void)close(std::chrono::seconds(2)); }

  /// Opens source and receivers.
  expected<void> open() {
    if (auto opened = source_->open({.job_name = "harness",
                                     .replicas = settings_.replicas,
                                     .memory_share = settings_.memory_share,
                                     .batch_interval = std::chrono::milliseconds(10),
                                     .limits = settings_.limits,
                                     .host = this});
        !opened)
      return opened;
    open_ = true;
    for (std::uint32_t i = 0; i < settings_.replicas; ++i) {
      receivers_.push_back(source_->make_receiver(i));
      replica_context env;
      env.name = "source";
      env.index = i;
      env.replicas = settings_.replicas;
      env.limits = settings_.limits;
      env.wake = [this] { wake(); };
      env.log = [this](log_level level, std::string_view text) { log(level, "receiver", text); };
      env.wake_at = [](steady_time) {}; // it asks the receivers again and again
      env.clock = clock_.get();
      if (auto opened = receivers_.back()->open(env); !opened)
        return opened;
    }
    return {};
  }

  /// Does what is due on the control thread; also runs a `then` of quiesce, since no batch is open.
  void turn() {
    for (auto& then : take(posted_))
      then();
    if (open_)
      source_->poll();
    for (auto& then : take(posted_))
      then();
    for (auto& then : std::exchange(quiescing_, {}))
      then();
  }

  /// Turns until `done` or the time is over. @returns whether it is done.
  bool turn_until(const std::function<bool()>& done,
                  std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!failure() && std::chrono::steady_clock::now() < end) {
      turn();
      if (done())
        return true;
      wait(std::chrono::milliseconds(5));
    }
    return done();
  }
  bool turn_until_ready(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    return turn_until([&] { return source_->ready(); }, limit);
  }

  /// What to do with a planned batch.
  enum class fate { complete, abort, rewind };

  /// Plans and runs one batch.
  /// @param limit records per partition, or none.
  /// @returns the batch, or why it failed; then it has been aborted and rewound.
  expected<source_batch> run_batch(std::optional<std::uint64_t> limit = {},
                                   fate what = fate::complete,
                                   std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    turn();
    auto backlog =
        source_->ready() ? source_->survey() : expected<std::vector<partition_position>>();
    if (!backlog)
      return std::move(backlog).error();
    last_survey = *backlog;
    batch whole;
    whole.epoch = epoch(++epoch_);
    whole.time = clock().now();
    whole.sources.push_back(
        source_->plan(*backlog, std::vector<std::optional<std::uint64_t>>(backlog->size(), limit)));
    const auto work = whole.sources.front();
    std::vector<owned> read;
    collecting_emitter<T> out;
    out.on_record = [&](partition_id p, const T& record) {
      if (settings_.keep_records)
        read.push_back(record_traits<T>::to_owned(record));
      if (on_record)
        on_record(work.ranges.at(p.value), record);
      ++records_seen;
    };
    auto outcome = run_receivers(whole, work, out, what == fate::abort ? 1 : SIZE_MAX, patience);
    blocks_seen += out.blocks;
    if (!outcome || what != fate::complete) {
      for (auto& r : receivers_)
        r->abort();
      source_->rewind(work);
      if (!outcome)
        return std::move(outcome).error();
      return work;
    }
    records.insert(records.end(), std::make_move_iterator(read.begin()),
                   std::make_move_iterator(read.end()));
    source_->completed(whole, work);
    return work;
  }

  /// Runs batches until `count` records have been kept.
  bool run_until(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (records.size() < count && !failure() && std::chrono::steady_clock::now() < end) {
      if (auto done = run_batch(); !done) {
        fail(std::move(done).error());
        break;
      }
      wait(std::chrono::milliseconds(2));
    }
    return records.size() >= count;
  }

  expected<void> close(duration deadline = std::chrono::seconds(10)) {
    if (!std::exchange(open_, false))
      return {};
    for (auto& r : receivers_)
      r->close();
    receivers_.clear();
    return source_->close(deadline);
  }

  [[nodiscard]] source& under_test() { return *source_; }
  [[nodiscard]] std::optional<error> failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  /// Everything logged so far, one line per message.
  [[nodiscard]] std::string log_text() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  std::vector<owned> records; ///< Of complete batches.
  std::vector<partition_position> last_survey;
  std::function<void(const offset_range&, const T&)> on_record;
  std::size_t records_seen = 0;
  std::size_t blocks_seen = 0;

  // ---- source_host
  void quiesce(quiesce_kind, duration, std::function<void()> then) override {
    quiescing_.push_back(std::move(then));
  }
  void run_blocking(std::function<void()> work, std::function<void()> then) override {
    work();
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(then));
  }
  void wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    waker_.notify_all();
  }
  void fail(error reason) override {
    log(log_level::error, "harness", reason.message());
    const std::lock_guard lock(mutex_);
    if (!failure_)
      failure_ = std::move(reason);
  }
  void log(log_level level, std::string_view component, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    if (std::getenv("WEIR_TEST_LOG")) // to see what happens
      fmt::print(stderr, "{} {}: {}\n", static_cast<int>(level), component, message);
    log_ += fmt::format("{} {}: {}\n", static_cast<int>(level), component, message);
  }
  [[nodiscard]] weir::clock& clock() override { return *clock_; }

private:
  std::vector<std::function<void()>> take(std::vector<std::function<void()>>& from) {
    const std::lock_guard lock(mutex_);
    return std::exchange(from, {});
  }

  void wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    waker_.wait_for(lock, limit, [&] { return woken_; });
    woken_ = false;
  }

  expected<void> run_receivers(const batch& whole, const source_batch& work, emitter& out,
                               std::size_t max_calls, std::chrono::milliseconds patience) {
    for (auto& r : receivers_)
      if (auto begun = r->begin(whole, work); !begun)
        return begun;
    const auto end = std::chrono::steady_clock::now() + patience;
    std::vector<bool> done(receivers_.size());
    for (std::size_t calls = 0;;) {
      bool progressed = false;
      bool all = true;
      for (std::size_t i = 0; i < receivers_.size(); ++i) {
        if (done[i])
          continue;
        auto found = receivers_[i]->receive(out);
        if (!found)
          return std::move(found).error();
        done[i] = *found == received::complete;
        progressed = progressed || *found != received::nothing;
        all = all && done[i];
        if (*found == received::records && ++calls >= max_calls)
          return {};
      }
      if (all)
        return {};
      if (std::chrono::steady_clock::now() > end)
        return error{errc::timed_out, "the batch did not end"};
      if (!progressed) {
        wait(std::chrono::milliseconds(50));
        source_->poll(); // repairs
        for (auto& then : take(posted_))
          then();
        if (auto failed = failure())
          return std::move(*failed);
      }
    }
  }

  settings settings_;
  std::unique_ptr<source> source_;
  std::vector<std::unique_ptr<receiver>> receivers_;
  std::shared_ptr<weir::clock> clock_ = system_clock();
  std::mutex mutex_;
  std::condition_variable waker_;
  bool woken_ = false;
  bool open_ = false;
  std::vector<std::function<void()>> posted_;
  std::vector<std::function<void()>> quiescing_;
  std::optional<error> failure_;
  std::string log_;
  std::uint64_t epoch_ = 0;
};

} // namespace weir::testing_support
