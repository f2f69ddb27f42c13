// The source and the sinks of a test's job: those of memory, and ways to interfere. See
// test_job.hpp.
#pragma once

#include <weir/connectors/memory.hpp>

#include <atomic>
#include <memory>

namespace weir::testing::detail {

/// What the ends of one job share with the test. Thread-safe.
struct test_control {
  std::atomic<bool> undo{
      false}; ///< The next batch is to be taken back when it is all but complete.
  std::atomic<bool> held{false};           ///< A sink keeps that batch from completing.
  std::atomic<source_host*> host{nullptr}; ///< Of the running job.

  /// Whether a sink must not commit now.
  bool holds_commit() {
    if (!undo)
      return false;
    held = true;
    if (auto* running = host.load())
      running->wake();
    return true;
  }
};

/// Can miss a batch, and takes partitions away from a batch, as a rebalance of a Kafka group would.
template <class T>
class test_source final : public weir::detail::memory_source<T> {
public:
  test_source(std::string name, std::shared_ptr<memory_log<T>> log,
              std::shared_ptr<test_control> control, std::shared_ptr<std::atomic<bool>> misses)
      : weir::detail::memory_source<T>(std::move(name), std::move(log)),
        control_(std::move(control)), misses_(std::move(misses)) {}

  expected<void> open(const source_setup& setup) override {
    control_->host = setup.host;
    return {};
  }
  void poll() override {
    if (control_->undo && control_->held.exchange(false))
      control_->host.load()->quiesce(quiesce_kind::lost, duration::zero(), [] {});
  }
  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    if (!misses_->exchange(false))
      return weir::detail::memory_source<T>::plan(unread, limits);
    const std::vector<std::optional<std::uint64_t>> nothing(unread.size(), 0);
    auto work = weir::detail::memory_source<T>::plan(unread, nothing);
    work.present = false;
    return work;
  }

private:
  std::shared_ptr<test_control> control_;
  std::shared_ptr<std::atomic<bool>> misses_;
};

/// Collects rows, and can be kept from committing.
template <class T>
class test_sink final : public weir::detail::memory_sink<T> {
public:
  test_sink(std::shared_ptr<memory_table<T>> to, std::shared_ptr<test_control> control)
      : weir::detail::memory_sink<T>(std::move(to)), control_(std::move(control)) {}
  expected<progress> commit() override {
    if (control_->holds_commit())
      return progress::blocked;
    return weir::detail::memory_sink<T>::commit();
  }

private:
  std::shared_ptr<test_control> control_;
};

/// Takes every record of an input and keeps none: it is there in each batch to hold the commit.
template <class T>
class gate_sink final : public sink<T> {
public:
  explicit gate_sink(std::shared_ptr<test_control> control) : control_(std::move(control)) {}
  expected<progress> write(const sink_block<T>& in, std::size_t& written) override {
    written = in.records.size();
    return progress::done;
  }
  expected<progress> commit() override {
    return control_->holds_commit() ? progress::blocked : progress::done;
  }

private:
  std::shared_ptr<test_control> control_;
};

} // namespace weir::testing::detail
