#include <weir/actors/job_supervisor.hpp>

namespace weir::actors {

job_supervisor_actor::job_supervisor_actor(caf::actor_config& config, std::uint32_t replicas,
                                           executor_events events)
    : handed_off<job_supervisor::base>(config), tracker_(replicas), events_(std::move(events)) {}

job_supervisor_actor::behavior_type job_supervisor_actor::make_behavior() {
  return {
      [this](const batch_ended& m) {
        if (!tracker_.ended(m.report))
          return;
        if (tracker_.committing().empty())
          events_.complete(m.report.epoch, tracker_.take_reports());
        else
          events_.prepared(m.report.epoch, tracker_.committing());
      },
      [this](const batch_committed& m) {
        if (tracker_.committed(m.report))
          events_.complete(m.report.epoch, tracker_.take_reports());
      },
      [this](const batch_failed& m) {
        if (tracker_.failed(m.at))
          events_.failed(m.at, *m.reason);
      },
      [this](const batch_forgotten& m) {
        if (tracker_.aborted(m.at))
          events_.aborted(m.at);
      },
      [this](const expect_batch& m) { tracker_.open(m.at); },
      [this](const expect_abort&) { tracker_.abort(); },
      [this](const actors::quit&) { scheduled_actor::quit(); },
  };
}

} // namespace weir::actors
