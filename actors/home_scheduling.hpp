// CAF's scheduler with a home for each replica. See home_queues.hpp.
#pragma once

#include <weir/actors/home_queues.hpp>
#include <weir/actors/replica_actor.hpp>

#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace weir::actors {

/// A policy for caf::scheduler::coordinator. A replica's home goes by its index within its node:
/// the replicas that hand each other the blocks of a partition have the same. CAF's own work
/// stealing takes jobs from others at once, gives those that come from outside to any worker, and
/// polls when it has nothing to do.
class home_scheduling : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}
    home_queues<caf::resumable> queues;
  };
  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* all, caf::resumable* job) {
    d(all).queues.put(home(all, job), job);
  }
  /// To this worker alone: how CAF ends it.
  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    d(self->parent()).queues.put(self->id(), job);
  }
  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    d(self->parent()).queues.put(home(self->parent(), job), job, self->id());
  }
  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    internal_enqueue(self, job);
  }
  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    return d(self->parent()).queues.take(self->id());
  }
  template <class Worker, class Use>
  void foreach_resumable(Worker* self, Use use) {
    while (auto* const job = d(self->parent()).queues.try_take(self->id()))
      use(job);
  }
  template <class Coordinator, class Use>
  void foreach_central_resumable(Coordinator*, Use) {}

private:
  template <class Coordinator>
  static std::size_t home(Coordinator* all, caf::resumable* job) {
    const auto* const replica = dynamic_cast<const running_replica*>(job);
    return replica ? replica->home() % all->num_workers() : 0;
  }
};

} // namespace weir::actors
