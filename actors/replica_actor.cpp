#include <weir/actors/replica_actor.hpp>

namespace weir::actors {

replica_actor::behavior_type run_replica(replica_actor::stateful_pointer<replica_state> self, std::shared_ptr<replica> work,
                                         hand_off* tag) {
  tag->acquire();
  self->state.work = std::move(work);
  self->state.tag = tag;
  const auto in_turn = [self](auto&& call) {
    const hand_off::turn turn(*self->state.tag);
    call(*self->state.work);
  };
  return {
      [=](const data_message& m) { in_turn([&](replica& r) { r.take(m); }); },
      [=](const mark_message& m) { in_turn([&](replica& r) { r.take(m); }); },
      [=](const grant_message& m) { in_turn([&](replica& r) { r.take(m); }); },
      [=](const start_batch& m) { in_turn([&](replica& r) { r.start(m.whole); }); },
      [=](const abort_batch& m) { in_turn([&](replica& r) { r.abort(m.at); }); },
      [=](const resume&) { in_turn([](replica& r) { r.resume(); }); },
      [=](const quit&) {
        in_turn([&](replica& r) {
          r.close();
          self->state.work.reset();
        });
        self->quit();
      },
  };
}

} // namespace weir::actors
