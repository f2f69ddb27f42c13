#include <weir/actors/job_supervisor.hpp>

namespace weir::actors {

job_supervisor::behavior_type supervise(job_supervisor::stateful_pointer<supervisor_state> self, std::uint32_t replicas,
                                        executor_events events, hand_off* tag) {
  tag->acquire();
  self->state.tracker = epoch_tracker(replicas);
  self->state.events = std::move(events);
  self->state.tag = tag;
  const auto in_turn = [self](auto&& call) {
    const hand_off::turn turn(*self->state.tag);
    call(self->state);
  };
  return {
      [=](const batch_ended& m) {
        in_turn([&](supervisor_state& state) {
          if (auto all = state.tracker.ended(m.report))
            state.events.complete(m.report.epoch, std::move(*all));
        });
      },
      [=](const batch_failed& m) {
        in_turn([&](supervisor_state& state) {
          if (state.tracker.failed(m.at))
            state.events.failed(m.at, *m.reason);
        });
      },
      [=](const batch_forgotten& m) {
        in_turn([&](supervisor_state& state) {
          if (state.tracker.aborted(m.at))
            state.events.aborted(m.at);
        });
      },
      [=](const expect_batch& m) { in_turn([&](supervisor_state& state) { state.tracker.open(m.at); }); },
      [=](const expect_abort&) { in_turn([](supervisor_state& state) { state.tracker.abort(); }); },
      [=](const quit&) { self->quit(); },
  };
}

} // namespace weir::actors
