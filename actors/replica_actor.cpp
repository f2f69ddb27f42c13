#include <weir/actors/replica_actor.hpp>

namespace weir::actors {

replica_actor::behavior_type run_replica(replica_actor::stateful_pointer<replica_state> self, std::shared_ptr<replica> work,
                                         hand_off* tag) {
  self->state.work = std::move(work);
  self->state.tag = tag;
  const auto replica_of = [](replica_actor::stateful_pointer<replica_state> me) -> replica& {
    me->state.tag->acquire();
    return *me->state.work;
  };
  return {
      [=](const data_message& m) { replica_of(self).take(m); },
      [=](const mark_message& m) { replica_of(self).take(m); },
      [=](const grant_message& m) { replica_of(self).take(m); },
      [=](const start_batch& m) { replica_of(self).start(m.whole); },
      [=](const abort_batch& m) { replica_of(self).abort(m.at); },
      [=](const resume&) { replica_of(self).resume(); },
      [=](const quit&) {
        replica_of(self).close();
        self->quit();
      },
  };
}

} // namespace weir::actors
