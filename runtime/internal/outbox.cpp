#include <weir/runtime/internal/outbox.hpp>

#include <algorithm>

namespace weir {

outbox::outbox(const node_plan& from, std::uint32_t replica_index, const plan& all, transport& out,
               const clock& time)
    : out_(&out), time_(&time) {
  for (const auto& planned : from.outputs) {
    const auto& consumer = all.at(planned.consumer);
    edges_.push_back({.consumer = planned.consumer,
                      .input = planned.input,
                      .side = planned.side,
                      .partition_offset = 0,
                      .first_link = static_cast<std::uint32_t>(links_.size()),
                      .links = consumer.replicas,
                      .work = {.consumer = planned.consumer}});
    for (std::uint32_t r = 0; r < consumer.replicas; ++r)
      links_.push_back({.to = replica_id(consumer.first_replica.value + r),
                        .slot = planned.first_slot + replica_index,
                        .credit = credit(planned.window),
                        .waiting = {},
                        .waiting_since = {}});
  }
}

void outbox::begin(batch_ptr whole) {
  whole_ = std::move(whole);
  records_ = 0;
  bytes_ = 0;
  for (auto& e : edges_) {
    e.partition_offset = whole_->nodes[e.consumer.value].input_offsets[e.input];
    e.work = {.consumer = e.consumer};
  }
}

void outbox::emit(partition_id partition, block_ptr data) {
  records_ += data->size();
  deliver(partition, data, false);
}

void outbox::emit_side(partition_id partition, block_ptr data) { deliver(partition, data, true); }

void outbox::deliver(partition_id partition, const block_ptr& data, bool side) {
  bytes_ += data->charge();
  for (auto& e : edges_) {
    if (e.side != side)
      continue;
    const partition_id there(partition.value + e.partition_offset);
    post(e, links_[e.first_link + there.value % e.links], parcel{data, there});
  }
}

void outbox::end(const barrier& mark) {
  for (auto& e : edges_)
    for (std::uint32_t l = 0; l < e.links; ++l)
      post(e, links_[e.first_link + l], mark);
}

void outbox::add_credit(const grant_message& grant) {
  auto& l = links_[grant.link];
  l.credit.give_back(grant.returned);
  flush(edge_of(grant.link), l);
}

void outbox::discard() {
  for (auto& l : links_)
    l.waiting.clear();
  waiting_blocks_ = 0;
}

std::vector<edge_work> outbox::work() const {
  std::vector<edge_work> all;
  all.reserve(edges_.size());
  for (const auto& e : edges_)
    all.push_back(e.work);
  return all;
}

void outbox::post(edge& over, link& to, item what) {
  const auto* cargo = std::get_if<parcel>(&what);
  if (to.waiting.empty() && (!cargo || to.credit.covers(cargo->data->charge()))) {
    transmit(over, to, std::move(what));
    return;
  }
  if (to.waiting.empty())
    to.waiting_since = time_->steady_now();
  waiting_blocks_ += cargo ? 1 : 0;
  to.waiting.push_back(std::move(what));
}

void outbox::flush(edge& over, link& to) {
  if (to.waiting.empty())
    return;
  while (!to.waiting.empty()) {
    const auto* cargo = std::get_if<parcel>(&to.waiting.front());
    if (cargo && !to.credit.covers(cargo->data->charge()))
      return;
    waiting_blocks_ -= cargo ? 1 : 0;
    transmit(over, to, std::move(to.waiting.front()));
    to.waiting.pop_front();
  }
  over.work.send_wait += time_->steady_now() - to.waiting_since;
}

void outbox::transmit(edge& over, link& to, item what) {
  if (auto* cargo = std::get_if<parcel>(&what)) {
    to.credit.take(cargo->data->charge());
    over.work.blocks += 1;
    over.work.bytes += cargo->data->charge();
    out_->send(to.to, data_message{to.slot, whole_, std::move(*cargo)});
  } else {
    out_->send(to.to, mark_message{to.slot, whole_, std::get<barrier>(what)});
  }
}

outbox::edge& outbox::edge_of(std::uint32_t link_index) {
  return *std::find_if(edges_.rbegin(), edges_.rend(),
                       [&](const edge& e) { return e.first_link <= link_index; });
}

} // namespace weir
