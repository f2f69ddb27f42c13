// An actor around one replica of a source, stage or sink. Next on the data path: runtime/internal/stage_replica.hpp.
#pragma once

#include <memory>

#include <weir/actors/hand_off.hpp>
#include <weir/actors/messages.hpp>
#include <weir/runtime/internal/replica.hpp>

namespace weir::actors {

struct replica_state {
  static inline const char* name = "weir.replica";
  std::shared_ptr<replica> work; ///< Used by this actor alone, from its first message to `quit`.
  hand_off* tag = nullptr;
};

/// Each message is one call of the replica; all logic is there, where a test without actors can reach it.
replica_actor::behavior_type run_replica(replica_actor::stateful_pointer<replica_state> self, std::shared_ptr<replica> work,
                                         hand_off* tag);

} // namespace weir::actors
