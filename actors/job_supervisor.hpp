// Counts the answers of all replicas to each batch, and tells the job. Next:
// runtime/internal/job.hpp.
#pragma once

#include <weir/actors/hand_off.hpp>
#include <weir/actors/messages.hpp>
#include <weir/runtime/internal/epoch_tracker.hpp>
#include <weir/runtime/internal/executor.hpp>

namespace weir::actors {

class job_supervisor_actor final : public handed_off<job_supervisor::base> {
public:
  job_supervisor_actor(caf::actor_config& config, std::uint32_t replicas, executor_events events);

  const char* name() const override { return "weir.supervisor"; }

protected:
  behavior_type make_behavior() override;

private:
  epoch_tracker tracker_;
  executor_events events_;
};

} // namespace weir::actors
