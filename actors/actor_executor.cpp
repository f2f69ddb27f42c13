// Runs every replica as a CAF actor. The only file that sees both paths. See
// runtime/internal/executor.hpp.
#include <weir/actors/home_scheduling.hpp>
#include <weir/actors/job_supervisor.hpp>
#include <weir/actors/replica_actor.hpp>

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <vector>

#include <pthread.h>

namespace weir {
namespace {

using namespace weir::actors;

/// Names CAF's threads and tells the host of them.
class name_threads final : public caf::thread_hook {
public:
  name_threads(std::string prefix, std::function<void(std::string_view)> hook)
      : prefix_(std::move(prefix)), hook_(std::move(hook)) {}
  ~name_threads() override { acquire(this); } // CAF waits for its threads before

  void init(caf::actor_system&) override {}
  void thread_started() override {
    const auto name = fmt::format("{}.w{}", prefix_, next_.fetch_add(1)).substr(0, 15);
    pthread_setname_np(pthread_self(), name.c_str());
    if (hook_)
      hook_(name);
    release(this);
  }
  void thread_terminates() override { release(this); }

private:
  std::string prefix_;
  std::function<void(std::string_view)> hook_;
  std::atomic<int> next_{0};
};

/// An actor system of its own per job: nothing is shared between contexts.
class job_config final : public caf::actor_system_config {
public:
  explicit job_config(const executor_setup& setup) {
    // Work stealing would burn a quarter of a core when nearly idle; one shared queue does not.
    load<caf::scheduler::coordinator<home_scheduling>>();
    set("scheduler.max-threads", static_cast<std::size_t>(setup.all->worker_threads));
    add_thread_hook<name_threads>(setup.job_name, setup.on_thread_start);
  }
};

class actor_executor final : public executor, private transport {
public:
  explicit actor_executor(executor_setup setup)
      : setup_(std::move(setup)),
        environment_(make_environment(setup_, *this, [this](replica_id id) { wake(id); })),
        config_(setup_), system_(config_) {}

  ~actor_executor() override { stop(epoch(0)); }

  expected<void> start() override {
    auto replicas = open_replicas(environment_);
    if (!replicas)
      return std::move(replicas).error();
    // Started by their first message, which hands over what they are made of.
    supervisor_ =
        system_.spawn<job_supervisor_actor, caf::lazy_init>(setup_.all->replicas, setup_.events);
    for (auto& r : *replicas) {
      const std::uint32_t home = r->id().value - setup_.all->at(r->node()).first_replica.value;
      if (setup_.job->at(r->node()).blocking)
        actors_.push_back(
            system_.spawn<running_replica, caf::detached + caf::lazy_init>(std::move(r), home));
      else
        actors_.push_back(system_.spawn<running_replica, caf::lazy_init>(std::move(r), home));
    }
    started_.store(true, std::memory_order_release);
    return {};
  }

  void run(batch_ptr whole) override {
    tell_supervisor(expect_batch{whole->epoch});
    tell_receivers(start_batch{whole});
  }

  void cut(epoch at) override { tell_receivers(cut_batch{at}); }

  void commit(epoch at, const std::vector<replica_id>& replicas) override {
    for (const auto to : replicas)
      tell(to, commit_batch{at});
  }

  void abort(epoch at, epoch decided) override {
    tell_supervisor(expect_abort{});
    for (const auto& planned : setup_.all->nodes)
      for (std::uint32_t r = 0; r < planned.replicas; ++r) {
        const replica_id to(planned.first_replica.value + r);
        if (setup_.job->at(planned.id).kind == node_kind::source)
          tell(to, abort_batch{at, decided}); // must not overtake the start of the batch
        else
          tell_urgently(
              to, abort_batch{at, decided}); // ahead of blocks that wait: they may take minutes
      }
  }

  void stop(epoch decided) override {
    if (!started_.exchange(false))
      return;
    for (std::uint32_t r = 0; r < actors_.size(); ++r)
      tell(replica_id(r), quit{decided});
    tell_supervisor(quit{});
    // A wake-up may still look at actors_: they are let go only after every receiver has closed.
    caf::scoped_actor waiting{system_};
    for (auto& each : actors_) {
      waiting->wait_for(each);
      hand_back(each);
    }
    actors_.clear();
    supervisor_ = nullptr;
  }

private:
  template <class Message>
  void tell(replica_id to, Message message) {
    caf::anon_send(actors_[to.value], std::move(message));
  }

  template <class Message>
  void tell_receivers(const Message& message) {
    for (const auto source : setup_.all->sources) {
      const auto& planned = setup_.all->at(source);
      for (std::uint32_t r = 0; r < planned.replicas; ++r)
        tell(replica_id(planned.first_replica.value + r), message);
    }
  }

  template <class Message>
  void tell_urgently(replica_id to, Message message) {
    caf::anon_send<caf::message_priority::high>(actors_[to.value], std::move(message));
  }

  template <class Message>
  void tell_supervisor(Message message) {
    caf::anon_send(supervisor_, std::move(message));
  }

  /// From any thread, also before the actors are there and while they leave.
  void wake(replica_id id) {
    if (started_.load(std::memory_order_acquire))
      tell(id, resume{});
  }

  void send(replica_id to, data_message m) override { tell(to, std::move(m)); }
  void send(replica_id to, mark_message m) override { tell(to, std::move(m)); }
  void send(replica_id to, grant_message m) override { tell_urgently(to, m); }
  void yield(replica_id from) override { tell(from, resume{}); }
  void ended(replica_report report) override { tell_supervisor(batch_ended{std::move(report)}); }
  void committed(replica_report report) override {
    tell_supervisor(batch_committed{std::move(report)});
  }
  void failed(replica_id from, epoch at, error reason) override {
    tell_supervisor(batch_failed{from, at, std::make_shared<error>(std::move(reason))});
  }
  void aborted(replica_id from, epoch at) override { tell_supervisor(batch_forgotten{from, at}); }

  executor_setup setup_;
  replica_environment environment_;
  job_config config_;
  caf::actor_system system_;
  std::vector<replica_actor> actors_; ///< By `replica_id`.
  job_supervisor supervisor_;
  std::atomic<bool> started_{false};
};

} // namespace

std::unique_ptr<executor> make_actor_executor(executor_setup setup) {
  return std::make_unique<actor_executor>(std::move(setup));
}

} // namespace weir
