#include <weir/runtime/internal/stage_replica.hpp>

#include <weir/runtime/internal/guarded.hpp>

namespace weir {

stage_replica::stage_replica(const replica_environment& environment, node_id node,
                             std::uint32_t index, std::unique_ptr<stage> work)
    : environment_(&environment), node_(node), index_(index),
      id_(environment.all->at(node).first_replica.value + index),
      retained_(environment.job->at(node).label(), environment.all->at(node).retained_share),
      work_(std::move(work)), out_(environment.all->at(node), index, *environment.all,
                                   *environment.out, *environment.clock),
      slots_(environment.all->at(node).slots) {
  for (const auto& producer : environment.all->nodes) {
    std::uint32_t link = 0; // links of an outbox: edge by edge, replica by replica
    for (const auto& edge : producer.outputs) {
      if (edge.consumer == node)
        for (std::uint32_t r = 0; r < producer.replicas; ++r)
          slots_[edge.first_slot + r] = {.sender = replica_id(producer.first_replica.value + r),
                                         .link = link + index,
                                         .input = edge.input,
                                         .ended = false};
      link += environment.all->at(edge.consumer).replicas;
    }
  }
}

template <class Call>
auto stage_replica::guarded_call(Call&& call) {
  const call_of mark(*environment_->job);
  const auto& planned = environment_->job->at(node_);
  return guarded([&] { return planned.label(); }, std::forward<Call>(call),
                 planned.kind == node_kind::sink ? errc::sink_failed : errc::user_function_failed);
}

expected<void> stage_replica::open(std::function<void()> wake) {
  return guarded_call([&] {
    return work_->open(
        make_replica_context(*environment_, node_, index_, retained_, std::move(wake)));
  });
}

void stage_replica::take(data_message message) {
  inbox_.push_back(std::move(message));
  advance();
}

void stage_replica::take(mark_message message) {
  inbox_.push_back(std::move(message));
  advance();
}

void stage_replica::take(grant_message message) {
  out_.add_credit(message);
  advance();
}

void stage_replica::resume() {
  if (std::exchange(awaits_flush_, false) && unflushed_ && state_ == state::idle && !failed_ &&
      !out_.blocked()) {
    unflushed_ = false;
    if (auto flushed = guarded_call([&] { work_->flush(out_); }); !flushed)
      fail(std::move(flushed).error());
  }
  advance();
}

void stage_replica::advance() {
  const auto entered = environment_->clock->steady_now();
  if (was_blocked_)
    report_.blocked += entered - stamp_;
  stamp_ = entered;
  while (!failed_ && step()) {
  }
  was_blocked_ = state_ != state::idle || out_.blocked();
  if (unflushed_)
    flush_soon();
}

/// Open-ended batches do not wait for blocks to fill. What is here already is taken first: then
/// a busy stage still sends full blocks.
void stage_replica::flush_soon() {
  if (awaits_flush_ || was_blocked_ || failed_)
    return;
  awaits_flush_ = true;
  environment_->out->yield(id_);
}

/// One piece of work. @returns whether there may be another.
bool stage_replica::step() {
  if (state_ == state::preparing)
    return prepare_batch();
  if (state_ == state::committing)
    return commit_batch();
  if (out_.blocked())
    return false;
  settle_owed();
  switch (state_) {
  case state::idle:
    return take_next();
  case state::working:
    return work_on_block();
  default:
    return end_batch();
  }
}

bool stage_replica::take_next() {
  if (inbox_.empty())
    return false;
  item next = std::move(inbox_.front());
  inbox_.pop_front();
  const auto& [slot, whole] = std::visit(
      [](auto& m) { return std::pair<std::uint32_t, batch_ptr>(m.slot, m.whole); }, next);
  if (whole->epoch < first_kept_) {
    if (const auto* data = std::get_if<data_message>(&next))
      give_credit(slot, data->cargo.data->charge());
    return true;
  }
  if (slots_[slot].ended) {
    held_.push_back(std::move(next));
    return true;
  }
  if (auto begun = begin(whole); !begun) {
    if (const auto* data = std::get_if<data_message>(&next))
      give_credit(slot, data->cargo.data->charge());
    fail(std::move(begun).error());
    return false;
  }
  if (auto* data = std::get_if<data_message>(&next)) {
    current_ = std::move(*data);
    cursor_ = {};
    state_ = state::working;
    return true;
  }
  slots_[slot].ended = true;
  mark_ = std::get<mark_message>(next).mark;
  mark_.present =
      open_->nodes[node_.value].present; // not the input's: a window gives fewer batches
  if (++ended_slots_ == slots_.size())
    state_ = state::ending;
  return true;
}

bool stage_replica::work_on_block() {
  auto worked = guarded_call(
      [&] { return work_->process(slots_[current_.slot].input, current_.cargo, cursor_, out_); });
  const auto now = environment_->clock->steady_now();
  report_.busy += now - stamp_;
  charge_partition(current_.cargo.partition, now - stamp_);
  stamp_ = now;
  if (!worked) {
    fail(std::move(worked).error());
    return false;
  }
  if (*worked == progress::blocked)
    return false;
  owed_ = {current_.slot, current_.cargo.data->charge()};
  current_ = {};
  state_ = state::idle;
  unflushed_ = open_->open_ended;
  return true;
}

/// One of the calls that end a batch. @returns whether it is done with.
template <class Call>
bool stage_replica::done(Call&& call) {
  auto came = guarded_call(std::forward<Call>(call));
  const auto now = environment_->clock->steady_now();
  report_.busy += now - stamp_;
  stamp_ = now;
  if (!came)
    fail(std::move(came).error());
  return came && *came == progress::done;
}

/// The barrier goes on before anything is prepared: that may take long.
bool stage_replica::end_batch() {
  if (!done([&] { return work_->end(mark_, out_); }))
    return false;
  out_.end(mark_);
  state_ = state::preparing;
  return true;
}

bool stage_replica::prepare_batch() {
  if (!done([&] { return work_->prepare(); }))
    return false;
  report_.counts = work_->counts();
  report_.bytes_out = out_.bytes();
  report_.edges = out_.work();
  const auto event_times = work_->event_times();
  report_.event_times.assign(event_times.begin(), event_times.end());
  report_.commits = work_->commits();
  first_kept_ = epoch(open_->epoch.value + 1);
  undecided_ = open_->epoch;
  open_.reset();
  unflushed_ = false;
  ended_slots_ = 0;
  for (auto& slot : slots_)
    slot.ended = false;
  state_ = state::idle;
  inbox_.insert(inbox_.begin(), std::make_move_iterator(held_.begin()),
                std::make_move_iterator(held_.end()));
  held_.clear();
  environment_->out->ended(std::exchange(report_, {}));
  return true;
}

bool stage_replica::commit_batch() {
  if (!done([&] { return work_->commit(); }))
    return false;
  state_ = state::idle;
  environment_->out->committed(std::exchange(report_, {}));
  return true;
}

void stage_replica::commit(epoch at) {
  if (undecided_ != at || failed_)
    return; // aborted meanwhile
  report_ = {.replica = id_, .node = node_, .epoch = at};
  was_blocked_ = false;
  state_ = state::committing;
  advance();
}

/// The batch that ended here last is final, if it is that one or one before.
expected<void> stage_replica::learn(epoch decided) {
  if (!undecided_ || *undecided_ > decided)
    return {};
  undecided_.reset();
  return guarded_call([&] { return work_->committed(); });
}

expected<void> stage_replica::begin(const batch_ptr& whole) {
  if (open_)
    return {};
  if (auto learnt = learn(whole->decided); !learnt)
    return learnt;
  open_ = whole;
  report_ = {.replica = id_, .node = node_, .epoch = whole->epoch};
  out_.begin(whole);
  return guarded_call([&] { return work_->begin(*whole); });
}

void stage_replica::settle_owed() {
  if (!owed_)
    return;
  give_credit(owed_->first, owed_->second);
  owed_.reset();
}

void stage_replica::give_credit(std::uint32_t slot, std::size_t charge) {
  environment_->out->send(
      slots_[slot].sender,
      grant_message{slots_[slot].link, {.blocks = 1, .bytes = static_cast<std::int64_t>(charge)}});
}

void stage_replica::fail(error reason) {
  failed_ = true;
  environment_->out->failed(id_,
                            open_        ? open_->epoch
                            : undecided_ ? *undecided_
                                         : first_kept_,
                            std::move(reason));
}

void stage_replica::abort(epoch at, epoch decided) {
  if (auto learnt = learn(decided); !learnt)
    environment_->log(log_level::error, environment_->job->at(node_).label(),
                      learnt.error().to_string());
  if (open_ ? open_->epoch <= at : undecided_ == at) {
    work_->abort();
    open_.reset();
    undecided_.reset();
  }
  if (current_.cargo.data && current_.whole->epoch <= at) {
    give_credit(current_.slot, current_.cargo.data->charge());
    current_ = {};
  }
  state_ = state::idle;
  settle_owed();
  out_.discard();
  ended_slots_ = 0;
  for (auto& slot : slots_)
    slot.ended = false;
  first_kept_ = epoch(at.value + 1);
  inbox_.insert(inbox_.begin(), std::make_move_iterator(held_.begin()),
                std::make_move_iterator(held_.end()));
  held_.clear();
  failed_ = false;
  unflushed_ = false;
  was_blocked_ = false;
  environment_->out->aborted(id_, at);
  advance(); // drops what is left of the batch and returns its credit
}

void stage_replica::close(epoch decided) noexcept {
  if (auto learnt = learn(decided); !learnt)
    environment_->log(log_level::error, environment_->job->at(node_).label(),
                      learnt.error().to_string());
  work_->close();
}

void stage_replica::charge_partition(partition_id partition, duration busy) {
  if (!environment_->all->at(node_).cost_of)
    return;
  for (auto& known : report_.partitions)
    if (known.partition == partition) {
      known.busy += busy;
      return;
    }
  report_.partitions.push_back({partition, busy});
}

} // namespace weir
