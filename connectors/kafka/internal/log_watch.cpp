#include <weir/connectors/kafka/internal/log_watch.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/log_probe.hpp>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

constexpr milliseconds look_patience = 2s;
constexpr milliseconds look_patience_each = 10ms; ///< More for each partition.

/// A broker that has just become leader may not know yet how far its log is committed.
constexpr milliseconds shorter_patience = 500ms;

} // namespace

void log_watch::look(const fetch_client& asker, std::span<const repair> places,
                     std::vector<finding>& found) const {
  const std::lock_guard one(looking_); // a handle can look for one set of records at a time
  std::vector<probe> probes;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto& at = found[i];
    const auto known = evidence_->find({places[i].topic, places[i].partition});
    if (!known)
      continue;
    at.known = *known;
    const auto& record = known->record;
    if (!record || record->offset < at.now.low || record->offset >= at.now.end)
      continue;
    probes.push_back({.topic = places[i].topic,
                      .partition = places[i].partition,
                      .from = record->offset,
                      .until = record->offset + 1});
    of.push_back(i);
  }
  const auto records = last_records(
      asker, probes, look_patience + look_patience_each * static_cast<std::int64_t>(probes.size()));
  for (auto& at : found)
    at.is = finding::state::fine;
  for (std::size_t i = 0; i < of.size(); ++i) {
    found[of[i]].now.record = records[i].record;
    if (!records[i].known)
      found[of[i]].is = finding::state::waits;
  }
  for (std::size_t i = 0; i < places.size(); ++i)
    if (found[i].is == finding::state::fine &&
        evidence_->find({places[i].topic, places[i].partition}))
      found[i].verdict = judge(found[i].known, found[i].now);
}

std::vector<log_watch::finding> log_watch::check(const fetch_client& asker,
                                                 std::span<const repair> places,
                                                 std::span<const fetch_client::answer> ends,
                                                 std::uint64_t doubts) {
  using enum finding::state;
  const std::lock_guard one(checking_);
  std::vector<finding> found(places.size());
  std::vector<repair> suspects;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const log_evidence::place at(places[i].topic, places[i].partition);
    const auto& answer = ends[i];
    if (nature_of(answer.failure) == nature::missing) {
      evidence_->saw_unknown(at);
      const auto times = ++troubles_[at].missing;
      found[i].is = times >= 2 ? missing : waits;
      found[i].first = times == 2;
      continue;
    }
    if (answer.failure != RD_KAFKA_RESP_ERR_NO_ERROR || answer.offset < 0) {
      found[i].is = waits;
      continue;
    }
    troubles_[at].missing = 0;
    const auto known = evidence_->find(at);
    if (!known || (evidence_->trusts(at) && answer.offset >= known->end)) {
      evidence_->saw_end(at, answer.offset);
      troubles_.erase(at);
      continue;
    }
    found[i].is = waits;
    found[i].now.end = answer.offset;
    suspects.push_back(places[i]);
    of.push_back(i);
  }
  if (suspects.empty())
    return found;

  auto lows = asker.offsets(suspects, RD_KAFKA_OFFSET_BEGINNING, look_patience);
  if (!lows)
    return found; // brokers are away: at the next survey
  std::vector<repair> places_seen;
  std::vector<finding> seen;
  std::vector<std::size_t> seen_of;
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    const auto& low = (*lows)[i];
    if (low.failure != RD_KAFKA_RESP_ERR_NO_ERROR || low.offset < 0)
      continue;
    places_seen.push_back(suspects[i]);
    seen.push_back(found[of[i]]);
    seen.back().now.low = low.offset;
    seen_of.push_back(of[i]);
  }
  look(asker, places_seen, seen);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].is == waits)
      continue;
    auto& at = found[seen_of[i]] = seen[i];
    at.is = waits;
    const log_evidence::place where(places_seen[i].topic, places_seen[i].partition);
    auto& here = troubles_[where];
    const auto now = std::chrono::steady_clock::now();
    switch (at.verdict) {
    case log_verdict::same:
      at.is = fine;
      evidence_->confirm(where, at.now, doubts);
      troubles_.erase(where);
      break;
    case log_verdict::other:
      at.is = replaced;
      break;
    case log_verdict::shorter:
      if (!here.shorter_since)
        here.shorter_since = now;
      else if (now - *here.shorter_since >= shorter_patience)
        at.is = replaced;
      break;
    }
  }
  return found;
}

} // namespace weir::kafka
