// Runs every replica on the calling thread, in an order drawn from a seed. See executor.hpp.
#include <weir/runtime/internal/epoch_tracker.hpp>
#include <weir/runtime/internal/executor.hpp>

#include <deque>
#include <mutex>
#include <random>
#include <variant>

namespace weir {
namespace {

struct start_message {
  batch_ptr whole;
};
struct cut_message {
  weir::epoch epoch;
};
struct commit_message {
  weir::epoch epoch;
};
struct abort_message {
  weir::epoch epoch;
  weir::epoch decided;
};
struct resume_message {};

using message = std::variant<data_message, mark_message, grant_message, start_message, cut_message,
                             commit_message, abort_message, resume_message>;

class inline_executor final : public executor, private transport {
public:
  explicit inline_executor(executor_setup setup)
      : setup_(std::move(setup)),
        environment_(make_environment(setup_, *this, [this](replica_id id) { wake(id); })),
        tracker_(setup_.all->replicas), order_(setup_.seed), mailboxes_(setup_.all->replicas) {}

  expected<void> start() override {
    auto opened = open_replicas(environment_);
    if (!opened)
      return std::move(opened).error();
    replicas_ = std::move(*opened);
    return {};
  }

  void run(batch_ptr whole) override {
    tracker_.open(whole->epoch);
    for (const auto source : setup_.all->sources)
      for_each_replica(source, [&](replica_id id) { post(id, start_message{whole}); });
  }

  void cut(epoch at) override {
    for (const auto source : setup_.all->sources)
      for_each_replica(source, [&](replica_id id) { post(id, cut_message{at}); });
  }

  void commit(epoch at, const std::vector<replica_id>& replicas) override {
    for (const auto id : replicas)
      post(id, commit_message{at});
  }

  void abort(epoch at, epoch decided) override {
    tracker_.abort();
    for (const auto& r : replicas_)
      post(r->id(), abort_message{at, decided});
  }

  void stop(epoch decided) override {
    for (auto& r : replicas_)
      r->close(decided);
    replicas_.clear();
  }

  bool run_ready(steady_time until) override {
    bool worked = false;
    take_wakes();
    while (!ready_.empty() && !(worked && setup_.time->steady_now() >= until)) {
      worked = true;
      const std::size_t pick = order_() % ready_.size();
      const replica_id id = ready_[pick];
      auto& box = mailboxes_[id.value];
      message next = std::move(box.front());
      box.pop_front();
      if (box.empty()) {
        ready_[pick] = ready_.back();
        ready_.pop_back();
      }
      deliver(*replicas_[id.value], std::move(next));
      take_wakes();
    }
    return worked;
  }

private:
  template <class Do>
  void for_each_replica(node_id node, Do&& act) {
    const auto& planned = setup_.all->at(node);
    for (std::uint32_t r = 0; r < planned.replicas; ++r)
      act(replica_id(planned.first_replica.value + r));
  }

  void post(replica_id to, message what) {
    auto& box = mailboxes_[to.value];
    if (box.empty())
      ready_.push_back(to);
    box.push_back(std::move(what));
  }

  static void deliver(replica& to, message what) {
    struct {
      replica& to;
      void operator()(data_message& m) { to.take(std::move(m)); }
      void operator()(mark_message& m) { to.take(std::move(m)); }
      void operator()(grant_message& m) { to.take(m); }
      void operator()(start_message& m) { to.start(std::move(m.whole)); }
      void operator()(cut_message& m) { to.cut(m.epoch); }
      void operator()(commit_message& m) { to.commit(m.epoch); }
      void operator()(abort_message& m) { to.abort(m.epoch, m.decided); }
      void operator()(resume_message&) { to.resume(); }
    } visitor{to};
    std::visit(visitor, what);
  }

  /// From any thread.
  void wake(replica_id id) {
    {
      std::lock_guard guard(wakes_mutex_);
      wakes_.push_back(id);
    }
    if (setup_.events.work_waits)
      setup_.events.work_waits();
  }

  void take_wakes() {
    std::vector<replica_id> woken;
    {
      std::lock_guard guard(wakes_mutex_);
      woken.swap(wakes_);
    }
    for (const auto id : woken)
      post(id, resume_message{});
  }

  void send(replica_id to, data_message m) override { post(to, std::move(m)); }
  void send(replica_id to, mark_message m) override { post(to, std::move(m)); }
  void send(replica_id to, grant_message m) override { post(to, m); }
  void yield(replica_id from) override { post(from, resume_message{}); }

  void ended(replica_report report) override {
    const auto at = report.epoch;
    if (!tracker_.ended(std::move(report)))
      return;
    if (tracker_.committing().empty())
      setup_.events.complete(at, tracker_.take_reports());
    else
      setup_.events.prepared(at, tracker_.committing());
  }
  void committed(replica_report report) override {
    if (tracker_.committed(report))
      setup_.events.complete(report.epoch, tracker_.take_reports());
  }
  void failed(replica_id, epoch at, error reason) override {
    if (tracker_.failed(at))
      setup_.events.failed(at, std::move(reason));
  }
  void aborted(replica_id, epoch at) override {
    if (tracker_.aborted(at))
      setup_.events.aborted(at);
  }

  executor_setup setup_;
  replica_environment environment_;
  epoch_tracker tracker_;
  std::mt19937_64 order_;
  std::vector<std::unique_ptr<replica>> replicas_; ///< By `replica_id`.
  std::vector<std::deque<message>> mailboxes_;     ///< By `replica_id`.
  std::vector<replica_id> ready_;                  ///< Those with mail.
  std::mutex wakes_mutex_;
  std::vector<replica_id> wakes_;
};

} // namespace

std::unique_ptr<executor> make_inline_executor(executor_setup setup) {
  return std::make_unique<inline_executor>(std::move(setup));
}

} // namespace weir
