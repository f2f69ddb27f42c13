#include <weir/actors/replica_actor.hpp>

namespace weir::actors {

running_replica::running_replica(caf::actor_config& config, std::shared_ptr<replica> work,
                                 std::uint32_t home)
    : handed_off<replica_actor::base>(config), home_(home), work_(std::move(work)) {}

running_replica::behavior_type running_replica::make_behavior() {
  return {
      [this](const data_message& m) { work_->take(m); },
      [this](const mark_message& m) { work_->take(m); },
      [this](const grant_message& m) { work_->take(m); },
      [this](const start_batch& m) { work_->start(m.whole); },
      [this](const cut_batch& m) { work_->cut(m.at); },
      [this](const commit_batch& m) { work_->commit(m.at); },
      [this](const abort_batch& m) { work_->abort(m.at, m.decided); },
      [this](const actors::resume&) { work_->resume(); },
      [this](const actors::quit& m) {
        work_->close(m.decided);
        work_.reset();
        scheduled_actor::quit();
      },
  };
}

} // namespace weir::actors
