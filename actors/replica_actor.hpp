// An actor around one replica of a source, stage or sink. Next on the data path:
// runtime/internal/stage_replica.hpp.
#pragma once

#include <weir/actors/hand_off.hpp>
#include <weir/actors/messages.hpp>
#include <weir/runtime/internal/replica.hpp>

#include <memory>

namespace weir::actors {

/// Each message is one call of the replica; all logic is there, where a test without actors can
/// reach it.
class running_replica final : public handed_off<replica_actor::base> {
public:
  running_replica(caf::actor_config& config, std::shared_ptr<replica> work, std::uint32_t home);

  const char* name() const override { return "weir.replica"; }
  std::uint32_t home() const noexcept { return home_; }

protected:
  behavior_type make_behavior() override;

private:
  std::uint32_t home_;
  std::shared_ptr<replica> work_; ///< Used by this actor alone, from its first message to `quit`.
};

} // namespace weir::actors
