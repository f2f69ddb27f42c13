// What a Kafka source commits, and when. The rest of the source: source.cpp.
#include <weir/connectors/kafka/internal/committer_state.hpp>
#include <weir/connectors/kafka/internal/source.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir::kafka {

// The group gets a committed offset for every partition at once. Without one a partition that moves
// to another member before its first commit would begin at `start` again and could skip records;
// and a partition that has none is known to be new.
void kafka_source::commit_starts(const std::vector<start_position>& starts) {
  if (!member_ || options_.offsets == offset_commits::automatic) // `due` knows them
    return;
  std::vector<partition_offset> commits;
  for (const auto& s : starts)
    if (!s.committed)
      commits.push_back({.topic = s.topic, .partition = s.partition, .offset = s.offset});
  if (!member_->committing())
    member_->commit(std::move(commits));
}

// One commit is under way at a time and each carries the newest positions, so that they arrive in
// order and small batches do not flood the broker. A commit that fails is sent again with the next
// one.
void kafka_source::commit_due() {
  if (!member_ || !ready_ || options_.offsets != offset_commits::automatic || member_->committing())
    return;
  if (host_->clock().steady_now() < no_commit_before_)
    return;
  auto due = table_.due();
  const auto all = due.size();
  leave_trusted(due);
  if (due.size() < all)
    verify();
  member_->commit(std::move(due));
}

bool kafka_source::settled() const {
  return !member_ || options_.offsets != offset_commits::automatic ||
         (!member_->committing() && table_.due().empty());
}

bool kafka_source::trusts_all() const {
  return std::ranges::all_of(table_.partitions(), [&](const owned_partition& p) {
    return evidence_->trusts({p.topic, p.partition});
  });
}

// What was read since something happened to a topic may be of another log: committed, it would make
// the next start skip records.
void kafka_source::leave_trusted(std::vector<partition_offset>& commits) const {
  std::erase_if(commits, [&](const partition_offset& o) {
    const log_evidence::place at(o.topic, o.partition);
    return !evidence_->trusts(at) || renewing_.contains(at);
  });
}

expected<void> kafka_source::commit_last(milliseconds patience) {
  if (!trusts_all())
    (void)check_logs(places(), patience / 2);
  serve_manual_commits();
  std::vector<partition_offset> due;
  if (options_.offsets == offset_commits::automatic)
    due = table_.due();
  leave_trusted(due);
  return member_->commit_now(std::move(due), patience);
}

void kafka_source::committed(const std::vector<partition_offset>& offsets,
                             const expected<void>& outcome) {
  if (outcome) {
    table_.confirmed(offsets);
  } else {
    no_commit_before_ = host_->clock().steady_now() + std::chrono::seconds(1);
    log(log_level::warning, outcome.error().message());
    const bool joined = options_.assign.empty(); // then a REVOKE follows
    if (outcome.error().code() == errc::authentication || outcome.error().code() == errc::fenced)
      host_->fail(outcome.error());
    else if (outcome.error().code() == errc::partitions_lost && !joined)
      host_->fail(
          error(outcome.error())
              .with(fmt::format("group {} has members of its own, so a stream by `assign` cannot "
                                "commit to it; use another group",
                                options_.group)));
  }
  for (const auto& done : std::exchange(manual_in_flight_, {}))
    if (done)
      done(outcome);
}

void kafka_source::bind_committer() {
  if (!options_.committer)
    return;
  auto& shared = *options_.committer->shared();
  const std::lock_guard lock(shared.mutex);
  if (options_.offsets == offset_commits::automatic) {
    shared.refusal =
        "the stream commits by itself (`offsets` = automatic); choose manual to commit yourself";
    return;
  }
  shared.submit = [this](std::vector<offset_range> ranges, offset_committer::callback done) {
    {
      const std::lock_guard waiting(manual_mutex_);
      manual_waiting_.push_back({std::move(ranges), std::move(done)});
    }
    host_->wake();
  };
}

void kafka_source::release_committer() {
  if (!options_.committer)
    return;
  auto& shared = *options_.committer->shared();
  const std::lock_guard lock(shared.mutex);
  shared.submit = nullptr;
}

void kafka_source::serve_manual_commits() {
  if (!member_ || member_->committing())
    return;
  std::vector<manual_commit> waiting;
  {
    const std::lock_guard lock(manual_mutex_);
    if (manual_waiting_.empty())
      return;
    if (ready_ && !trusts_all())
      return verify();
    waiting.swap(manual_waiting_);
  }
  std::vector<offset_range> ranges;
  for (auto& commit : waiting) {
    ranges.insert(ranges.end(), commit.ranges.begin(), commit.ranges.end());
    manual_in_flight_.push_back(std::move(commit.done));
  }
  auto commits = table_.allowed(ranges);
  if (commits.empty()) {
    for (const auto& done : std::exchange(manual_in_flight_, {}))
      if (done)
        done(error{errc::partitions_lost, "none of the ranges is owned by this process any more"});
    return;
  }
  member_->commit(std::move(commits));
}

} // namespace weir::kafka
