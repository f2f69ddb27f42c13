#include <weir/connectors/kafka/internal/log_evidence.hpp>

#include <algorithm>

namespace weir::kafka {

log_verdict judge(const log_memory& known, const log_sight& now) noexcept {
  const auto& record = known.record;
  if (record && record->offset >= now.end)
    return log_verdict::shorter;
  if (record && record->offset >= now.low && now.record && now.record->offset == record->offset)
    return *now.record == *record ? log_verdict::same : log_verdict::other;
  if (known.was_unknown)
    return log_verdict::other;
  return now.end < known.end || now.low < known.low ? log_verdict::shorter : log_verdict::same;
}

void log_evidence::raise_doubt() noexcept {
  const std::lock_guard lock(mutex_);
  ++doubts_;
}

std::uint64_t log_evidence::doubts() const {
  const std::lock_guard lock(mutex_);
  return doubts_;
}

void log_evidence::begin(const place& at, log_memory known, std::uint64_t doubts) {
  const std::lock_guard lock(mutex_);
  entries_[at] = {.known = known, .confirmed = doubts};
}

void log_evidence::read(std::string_view topic, std::int32_t partition, const witness& last) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(place(topic, partition));
  if (found == entries_.end())
    return;
  auto& at = found->second;
  if (at.confirmed == doubts_) {
    at.known.record = last;
    at.in_doubt.reset();
  } else {
    at.in_doubt = last;
    at.in_doubt_since = doubts_;
  }
}

void log_evidence::saw_end(const place& at, std::int64_t end) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(at); found != entries_.end())
    found->second.known.end = std::max(found->second.known.end, end);
}

void log_evidence::saw_unknown(const place& at) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(at);
  if (found == entries_.end() || found->second.known.was_unknown)
    return; // said again of a topic that stays away, it casts no doubt on the others
  found->second.known.was_unknown = true;
  ++doubts_;
}

void log_evidence::confirm(const place& at, const log_sight& now, std::uint64_t doubts) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(at);
  if (found == entries_.end())
    return;
  auto& known = found->second.known;
  known.was_unknown = false;
  known.low = std::max(known.low, now.low);
  known.end = std::max(known.end, now.end);
  if (found->second.in_doubt && found->second.in_doubt_since <= doubts)
    known.record = std::exchange(found->second.in_doubt, std::nullopt);
  found->second.confirmed = doubts;
}

std::optional<log_memory> log_evidence::find(const place& at) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(at);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.known);
}

bool log_evidence::trusts(const place& at) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(at);
  return found == entries_.end() || found->second.confirmed == doubts_;
}

bool log_evidence::knows_topic(std::string_view topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.lower_bound(place(topic, INT32_MIN));
  return found != entries_.end() && found->first.first == topic;
}

} // namespace weir::kafka
