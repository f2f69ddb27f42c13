#include <weir/actors/job_supervisor.hpp>

namespace weir::actors {

job_supervisor::behavior_type supervise(job_supervisor::stateful_pointer<supervisor_state> self, std::uint32_t replicas,
                                        executor_events events, hand_off* tag) {
  self->state.tracker = epoch_tracker(replicas);
  self->state.events = std::move(events);
  self->state.tag = tag;
  const auto state_of = [](job_supervisor::stateful_pointer<supervisor_state> me) -> supervisor_state& {
    me->state.tag->acquire();
    return me->state;
  };
  return {
      [=](const batch_ended& m) {
        auto& state = state_of(self);
        if (auto all = state.tracker.ended(m.report))
          state.events.complete(m.report.epoch, std::move(*all));
      },
      [=](const batch_failed& m) {
        auto& state = state_of(self);
        if (state.tracker.failed(m.at))
          state.events.failed(m.at, *m.reason);
      },
      [=](const batch_forgotten& m) {
        auto& state = state_of(self);
        if (state.tracker.aborted(m.at))
          state.events.aborted(m.at);
      },
      [=](const expect_batch& m) { state_of(self).tracker.open(m.at); },
      [=](const expect_abort&) { state_of(self).tracker.abort(); },
      [=](const quit&) { self->quit(); },
  };
}

} // namespace weir::actors
