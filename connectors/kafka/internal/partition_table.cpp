#include <weir/connectors/kafka/internal/partition_table.hpp>

#include <algorithm>

namespace weir::kafka {

void partition_table::install(std::vector<start_position> starts) {
  partitions_.clear();
  std::ranges::sort(starts, {},
                    [](const start_position& s) { return std::tie(s.topic, s.partition); });
  add(std::move(starts));
}

void partition_table::add(std::vector<start_position> starts) {
  for (auto& start : starts) {
    if (owns(start.topic, start.partition))
      continue;
    partitions_.push_back({.topic = std::move(start.topic),
                           .partition = start.partition,
                           .replica = idlest_replica(),
                           .position = start.offset,
                           .processed = start.offset,
                           .committed = start.committed,
                           .latest = start.offset});
  }
}

std::uint32_t partition_table::idlest_replica() const {
  std::vector<std::size_t> load(replicas_);
  for (const auto& p : partitions_)
    ++load[p.replica];
  return static_cast<std::uint32_t>(std::ranges::min_element(load) - load.begin());
}

std::vector<partition_position> partition_table::surveyed(std::span<const std::int64_t> latest) {
  std::vector<partition_position> answer;
  answer.reserve(partitions_.size());
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    auto& p = partitions_[i];
    p.latest = std::max(p.position, latest[i]);
    answer.push_back(
        {.topic = p.topic, .partition = p.partition, .position = p.position, .latest = p.latest});
  }
  return answer;
}

source_batch partition_table::plan(const std::vector<partition_position>& backlog,
                                   const std::vector<std::optional<std::uint64_t>>& limits) {
  source_batch work;
  work.ranges.reserve(backlog.size());
  for (std::size_t i = 0; i < backlog.size(); ++i) {
    auto* p = find(backlog[i].topic, backlog[i].partition, i);
    if (!p)
      continue;
    const auto limit =
        i < limits.size() && limits[i] ? std::min<std::uint64_t>(*limits[i], INT64_MAX) : INT64_MAX;
    const auto latest = std::max(p->position, backlog[i].latest);
    const auto count = std::min(latest - p->position, static_cast<std::int64_t>(limit));
    work.ranges.push_back({.topic = p->topic,
                           .partition = p->partition,
                           .from = p->position,
                           .until = p->position + count,
                           .latest = latest});
    p->position += count;
  }
  return work;
}

void partition_table::read_on(const source_batch& work) {
  for (std::size_t i = 0; i < work.ranges.size(); ++i) {
    const auto& range = work.ranges[i];
    if (auto* p = find(range.topic, range.partition, i); p && p->position == range.from)
      p->position = range.until;
  }
}

std::size_t partition_table::completed(const source_batch& work) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < work.ranges.size(); ++i) {
    const auto& range = work.ranges[i];
    auto* p = find(range.topic, range.partition, i);
    if (!p || range.from < p->processed || range.until > p->position)
      continue;
    p->processed = range.until;
    ++taken;
  }
  return taken;
}

void partition_table::rewind(const source_batch& first) {
  for (const auto& range : first.ranges)
    if (auto* p = find(range.topic, range.partition);
        p && range.from >= p->processed && range.from < p->position)
      p->position = range.from;
}

void partition_table::restart_at(std::string_view topic, std::int32_t partition,
                                 std::int64_t offset) {
  auto* p = find(topic, partition);
  if (!p)
    return;
  p->position = p->processed = p->latest = offset;
  p->committed.reset();
}

void partition_table::skip_to(std::string_view topic, std::int32_t partition, std::int64_t offset) {
  if (auto* p = find(topic, partition))
    p->position = std::max(p->position, offset);
}

std::vector<partition_offset> partition_table::due() const {
  std::vector<partition_offset> commits;
  for (const auto& p : partitions_)
    if (!p.committed || *p.committed < p.processed)
      commits.push_back({.topic = p.topic, .partition = p.partition, .offset = p.processed});
  return commits;
}

std::vector<partition_offset> partition_table::allowed(std::span<const offset_range> ranges) const {
  std::vector<partition_offset> commits;
  for (const auto& range : ranges) {
    const auto* p = find(range.topic, range.partition);
    if (!p || range.until > p->position || (p->committed && range.until < *p->committed))
      continue;
    const auto same = [&](const partition_offset& c) {
      return c.topic == range.topic && c.partition == range.partition;
    };
    if (const auto known = std::ranges::find_if(commits, same); known != commits.end())
      known->offset = std::max(known->offset, range.until);
    else
      commits.push_back(
          {.topic = range.topic, .partition = range.partition, .offset = range.until});
  }
  return commits;
}

void partition_table::confirmed(std::span<const partition_offset> commits) {
  for (const auto& commit : commits)
    if (auto* p = find(commit.topic, commit.partition))
      p->committed = std::max(p->committed.value_or(commit.offset), commit.offset);
}

const owned_partition* partition_table::find(std::string_view topic, std::int32_t partition,
                                             std::size_t hint) const noexcept {
  const auto same = [&](const owned_partition& p) {
    return p.partition == partition && p.topic == topic;
  };
  if (hint < partitions_.size() && same(partitions_[hint]))
    return &partitions_[hint];
  const auto found = std::ranges::find_if(partitions_, same);
  return found == partitions_.end() ? nullptr : &*found;
}

} // namespace weir::kafka
