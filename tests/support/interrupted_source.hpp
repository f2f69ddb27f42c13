// A log in memory whose source takes its partitions away when the test says so: the open batch is
// aborted and read again, by the same replicas. It may also have no batch at all for a while.
#pragma once

#include <weir/connectors/memory.hpp>

#include <atomic>
#include <memory>

namespace weir::test {

/// Shared by the test and the source.
class interruption {
public:
  /// Aborts the batch that is open when the control thread next looks. From any thread, while the
  /// job runs.
  void abort_open_batch() {
    wanted_ = true;
    if (auto* host = host_.load())
      host->wake();
  }

  /// Whether the source has a batch at the times that are planned from now on.
  void set_present(bool present) { present_ = present; }

  // ---- for the source
  void attach(source_host* host) { host_ = host; }
  [[nodiscard]] bool take() { return wanted_.exchange(false); }
  [[nodiscard]] bool present() const { return present_; }

private:
  std::atomic<bool> wanted_ = false;
  std::atomic<bool> present_ = true;
  std::atomic<source_host*> host_ = nullptr;
};

template <class T>
class interrupted_source final : public source {
public:
  interrupted_source(std::shared_ptr<memory_log<T>> log, std::shared_ptr<interruption> by)
      : reads_("interrupted", std::move(log)), by_(std::move(by)) {}

  expected<void> open(const source_setup& setup) override {
    host_ = setup.host;
    by_->attach(host_);
    return reads_.open(setup);
  }
  std::unique_ptr<receiver> make_receiver(std::uint32_t replica) override {
    return reads_.make_receiver(replica);
  }
  [[nodiscard]] bool runs_continuously() const override { return true; }
  void poll() override {
    if (by_->take())
      host_->quiesce(quiesce_kind::lost, duration::zero(), [] {});
  }
  expected<std::vector<partition_position>> survey() override { return reads_.survey(); }
  source_batch plan(const std::vector<partition_position>& unread,
                    const std::vector<std::optional<std::uint64_t>>& limits) override {
    if (by_->present())
      return reads_.plan(unread, limits);
    auto nothing = reads_.plan(unread, std::vector<std::optional<std::uint64_t>>(unread.size(), 0));
    nothing.present = false;
    return nothing;
  }
  void completed(const batch& whole, const source_batch& work) override {
    reads_.completed(whole, work);
  }
  void rewind(const source_batch& first) override { reads_.rewind(first); }
  expected<void> close(duration deadline) override {
    by_->attach(nullptr);
    return reads_.close(deadline);
  }

private:
  weir::detail::memory_source<T> reads_;
  std::shared_ptr<interruption> by_;
  source_host* host_ = nullptr;
};

/// A stream of what is appended to `log`, interrupted by `by`.
template <class T>
stream<T> interrupted_stream(context& to, std::shared_ptr<memory_log<T>> log,
                             std::shared_ptr<interruption> by) {
  return add_source<T>(to, {.label = "interrupted", .make = [log, by] {
                              return std::make_unique<interrupted_source<T>>(log, by);
                            }});
}

} // namespace weir::test
