#include <weir/runtime/internal/receiver_replica.hpp>

#include <weir/runtime/internal/guarded.hpp>

namespace weir {
namespace {

/// Blocks read before other work on the same thread gets its turn. One: its consumer then finds it
/// in the cache, and its storage is reused before it leaves it.
constexpr int blocks_per_turn = 1;

} // namespace

receiver_replica::receiver_replica(const replica_environment& environment, node_id node,
                                   std::uint32_t index, std::unique_ptr<receiver> work)
    : environment_(&environment), node_(node), index_(index),
      id_(environment.all->at(node).first_replica.value + index),
      source_(*environment.all->at(node).source),
      retained_(environment.job->at(node).label(), environment.all->at(node).retained_share),
      work_(std::move(work)), out_(environment.all->at(node), index, *environment.all,
                                   *environment.out, *environment.clock) {}

template <class Call>
auto receiver_replica::guarded_call(Call&& call) {
  const call_of mark(*environment_->job);
  return guarded([this] { return environment_->job->at(node_).label(); }, std::forward<Call>(call),
                 errc::source_failed);
}

void receiver_replica::fail(epoch at, error reason) {
  failed_ = true;
  environment_->out->failed(id_, at, std::move(reason));
}

expected<void> receiver_replica::open(std::function<void()> wake) {
  return guarded_call([&] {
    return work_->open(
        make_replica_context(*environment_, node_, index_, retained_, std::move(wake)));
  });
}

void receiver_replica::start(batch_ptr whole) {
  open_ = std::move(whole);
  report_ = {.replica = id_, .node = node_, .epoch = open_->epoch};
  out_.begin(open_);
  was_blocked_ = false;
  if (auto begun =
          guarded_call([&] { return work_->begin(*open_, open_->sources[source_.value]); });
      !begun) {
    fail(open_->epoch, std::move(begun).error());
    return;
  }
  advance();
}

void receiver_replica::cut(epoch at) {
  if (!open_ || open_->epoch != at || failed_)
    return;
  auto read = guarded_call([&] { return work_->cut(out_); });
  if (!read) {
    fail(at, std::move(read).error());
    return;
  }
  report_.read = std::move(*read);
  finish_batch();
}

void receiver_replica::take(grant_message message) {
  out_.add_credit(message);
  advance();
}

void receiver_replica::resume() {
  awaits_turn_ = false;
  advance();
}

void receiver_replica::advance() {
  const auto entered = environment_->clock->steady_now();
  if (was_blocked_)
    report_.blocked += entered - stamp_;
  stamp_ = entered;
  if (open_ && !failed_ && !awaits_turn_)
    read();
  was_blocked_ = open_ && out_.blocked();
}

void receiver_replica::read() {
  for (int turn = 0; turn < blocks_per_turn && !out_.blocked(); ++turn) {
    auto got = guarded_call([&] { return work_->receive(out_); });
    const auto now = environment_->clock->steady_now();
    report_.busy += now - stamp_;
    stamp_ = now;
    if (!got) {
      fail(open_->epoch, std::move(got).error());
      return;
    }
    if (*got == received::nothing)
      return;
    if (*got == received::complete) {
      finish_batch();
      return;
    }
  }
  if (!out_.blocked()) {
    awaits_turn_ = true;
    environment_->out->yield(id_);
  }
}

void receiver_replica::finish_batch() {
  out_.end(
      {.epoch = open_->epoch, .time = open_->time, .present = open_->nodes[node_.value].present});
  report_.counts = {
      .records_in = out_.records(), .records_out = out_.records(), .dropped = work_->dropped()};
  report_.bytes_out = out_.bytes();
  report_.edges = out_.work();
  open_.reset();
  environment_->out->ended(std::move(report_));
}

void receiver_replica::abort(epoch at, epoch) {
  if (open_ && open_->epoch <= at) {
    work_->abort();
    open_.reset();
  }
  out_.discard();
  failed_ = false;
  was_blocked_ = false;
  environment_->out->aborted(id_, at);
}

void receiver_replica::close(epoch) noexcept { work_->close(); }

} // namespace weir
