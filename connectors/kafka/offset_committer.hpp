// Commits in the user's hands, for streams that were told `offsets = manual`.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/offset_range.hpp>

#include <functional>
#include <memory>
#include <span>

namespace weir::kafka {

/// Hands offset ranges to the stream that was given it in its options; it commits their ends to its
/// group. Copies share one state. Thread-safe; it may outlive the stream.
class offset_committer {
public:
  /// Called on the control thread when the broker has answered.
  using callback = std::function<void(const expected<void>&)>;

  offset_committer();

  /// Queues a commit of `until` of each range. Ranges of partitions that this process no longer
  /// owns, and ends below what is committed already, are left out: another member may have gone on
  /// from there.
  /// @returns errc::invalid_state when no running stream holds it, or when that stream commits
  /// automatically.
  expected<void> commit_async(std::span<const offset_range> ranges, callback done = {});

  struct state;
  [[nodiscard]] const std::shared_ptr<state>& shared() const noexcept { return state_; }

private:
  std::shared_ptr<state> state_;
};

} // namespace weir::kafka
