// Whether a member of a group has lost its coordinator for good. Logic only, no client.
#pragma once

#include <weir/runtime/time.hpp>

#include <cstdint>

namespace weir::kafka {

/// What a client has heard of its group's coordinator.
struct group_traffic {
  std::uint64_t answers = 0; ///< To requests to join, synchronize and stay in the group.
  bool join_waits = false;   ///< A request to join is with the coordinator, which waits for others.
};

/// librdkafka 2.0.2 asks for the coordinator of a group anew only now and then, and never again for
/// the addresses it was given: a member may stay without one although there is one. One that has no
/// partitions, and has heard nothing for longer than its session, is to be replaced.
class membership_watch {
public:
  /// @param rebalance how long the coordinator may wait for other members.
  membership_watch(duration session, duration rebalance)
      : session_(session), rebalance_(rebalance) {}

  /// The member joins, or joins anew.
  void begin(steady_time now, const group_traffic& seen) noexcept {
    heard_ = now;
    answers_ = seen.answers;
  }
  /// To be asked regularly.
  [[nodiscard]] bool stalled(steady_time now, bool has_assignment,
                             const group_traffic& seen) noexcept {
    if (heard_ == steady_time{} || seen.answers != answers_)
      begin(now, seen);
    return !has_assignment && now - heard_ > session_ + (seen.join_waits ? rebalance_ : duration{});
  }

private:
  duration session_;
  duration rebalance_;
  steady_time heard_{};
  std::uint64_t answers_ = 0;
};

} // namespace weir::kafka
