#include <weir/runtime/internal/watermark_tracker.hpp>

#include <algorithm>

namespace weir {

watermark_tracker::watermark_tracker(const graph& job, const plan& all, bool bounded)
    : job_(&job), all_(&all), bounded_(bounded), done_(job.nodes().size(), watermark::min()) {
  for (const auto& n : job.nodes())
    if (n.assigns)
      assigners_.push_back({.node = n.id, .options = *n.assigns, .partitions = {}});
}

watermark watermark_tracker::mark_of(const assigner& from, steady_time now) const {
  std::optional<event_time> least;
  for (const auto& [name, partition] : from.partitions) {
    const bool idle = from.options.idle_after > duration{} &&
                      now - partition.last_record >= from.options.idle_after;
    if (idle || (bounded_ && !partition.latest && partition.exhausted))
      continue;
    if (!partition.latest)
      return from.mark;
    least = std::min(least.value_or(event_time::max()), *partition.latest);
  }
  return least ? std::max(from.mark, *least - from.options.max_out_of_orderness) : from.mark;
}

void watermark_tracker::fix(batch& whole, steady_time now) {
  for (auto& each : assigners_)
    each.mark = mark_of(each, now);
  for (const auto& n : job_->nodes()) { // inputs come before their consumers
    auto& described = whole.nodes[n.id.value];
    described.evict = n.inputs.empty() ? watermark::min() : watermark::max();
    for (const auto input : n.inputs)
      described.evict = std::min(described.evict, whole.nodes[input.value].passes_on);
    for (const auto& each : assigners_)
      if (each.node == n.id)
        described.evict = each.mark;
    described.late = done_[n.id.value];
    described.passes_on = lowered(described.evict, n.lowers_watermark);
  }
}

void watermark_tracker::completed(const batch& whole, const std::vector<replica_report>& reports,
                                  steady_time now) {
  for (std::size_t i = 0; i < done_.size(); ++i)
    if (whole.nodes[i].present)
      done_[i] = whole.nodes[i].evict;
  for (auto& each : assigners_) {
    const auto& described = whole.nodes[each.node.value];
    if (!described.present)
      continue;
    std::map<partition_name, partition_state> known; // those that are gone hold nothing back
    for (std::uint32_t p = 0; p < described.input_partitions; ++p) {
      auto name = name_of(whole, each.node, p);
      const auto before = each.partitions.find(name);
      auto state = before != each.partitions.end()
                       ? before->second
                       : partition_state{.latest = {}, .last_record = now};
      state.exhausted = exhausted(whole, each.node, p);
      known.emplace(std::move(name), state);
    }
    for (const auto& report : reports)
      if (report.node == each.node)
        for (const auto& seen : report.event_times) {
          if (seen.latest == event_time::min())
            continue;
          auto& state = known[name_of(whole, each.node, seen.partition.value)];
          state.latest = std::max(state.latest.value_or(event_time::min()), seen.latest);
          state.last_record = now;
        }
    each.partitions = std::move(known);
  }
}

bool watermark_tracker::due(steady_time now) const {
  return std::any_of(assigners_.begin(), assigners_.end(), [&](const assigner& each) {
    return mark_of(each, now) > done_[each.node.value];
  });
}

std::vector<watermark_report> watermark_tracker::describe(const batch& whole) const {
  std::vector<watermark_report> all;
  for (const auto& each : assigners_) {
    watermark_report report{.node = each.node,
                            .name = job_->at(each.node).label(),
                            .mark = whole.nodes[each.node.value].evict};
    for (const auto& [name, partition] : each.partitions)
      if (partition.latest)
        report.latest = std::max(report.latest, *partition.latest);
    all.push_back(std::move(report));
  }
  return all;
}

watermark_tracker::partition_name watermark_tracker::name_of(const batch& whole, node_id node,
                                                             std::uint32_t p) const {
  if (const auto* range = range_of(whole, node, p))
    return {range->topic, range->partition};
  return {"", static_cast<std::int32_t>(p)};
}

bool watermark_tracker::exhausted(const batch& whole, node_id node, std::uint32_t p) const {
  const auto* range = range_of(whole, node, p);
  return range && range->lag() == 0;
}

const offset_range* watermark_tracker::range_of(const batch& whole, node_id node,
                                                std::uint32_t p) const {
  const auto source = all_->at(node).cost_of;
  if (!source || p >= whole.sources[source->value].ranges.size())
    return nullptr;
  return &whole.sources[source->value].ranges[p];
}

} // namespace weir
