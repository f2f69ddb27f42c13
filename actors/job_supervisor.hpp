// Counts the answers of all replicas to each batch, and tells the job. Next: runtime/internal/job.hpp.
#pragma once

#include <weir/actors/hand_off.hpp>
#include <weir/actors/messages.hpp>
#include <weir/runtime/internal/executor.hpp>
#include <weir/runtime/internal/epoch_tracker.hpp>

namespace weir::actors {

struct supervisor_state {
  static inline const char* name = "weir.supervisor";
  epoch_tracker tracker{0};
  executor_events events;
  hand_off* tag = nullptr;
};

job_supervisor::behavior_type supervise(job_supervisor::stateful_pointer<supervisor_state> self, std::uint32_t replicas,
                                        executor_events events, hand_off* tag);

} // namespace weir::actors
