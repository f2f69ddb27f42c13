// What a Kafka source does when a position is not in its log, or a log is another one. The rest of
// the source: source.cpp.
#include <weir/connectors/kafka/internal/source.hpp>

#include <fmt/format.h>

namespace weir::kafka {

using namespace std::chrono_literals;

// ---- positions that receivers did not find

void kafka_source::serve_repairs() {
  for (const auto& slot : fetch_) {
    for (auto& found : slot->client->take_asked()) {
      auto answer = std::make_shared<expected<repair_decision>>();
      auto facts = query(false, [this] { return !stopping_.load(); });
      const auto known = evidence_->find({found.topic, found.partition});
      facts.patient = !known || !known->was_unknown;
      host_->run_blocking(
          [=] { *answer = resolve_repair(found, facts); },
          [=, this, fetch = slot->client] { on_repair(found, std::move(*answer), *fetch); });
    }
  }
}

void kafka_source::on_repair(const repair& found, expected<repair_decision> decided,
                             fetch_client& asked) {
  repair answer{.topic = found.topic, .partition = found.partition, .gives_up = true};
  if (!decided) {
    if (decided.error().code() != errc::unknown_topic)
      return host_->fail(std::move(decided).error());
    evidence_->saw_unknown({found.topic, found.partition});
    if (options_.on_data_loss == data_loss::fail)
      return host_->fail(std::move(decided).error().with(
          fmt::format("{} [{}] was deleted while a batch was reading it at offset {}", found.topic,
                      found.partition, found.position)));
    log(log_level::error, fmt::format("{} [{}]: deleted at offset {}; what the open batch wanted "
                                      "of it is lost, the others go on",
                                      found.topic, found.partition, found.position));
  } else if (decided->anew) {
    report_gap(found, decided->start, "the topic was made anew, or the log was cut");
    renew(std::move(*decided->anew));
  } else {
    report_gap(found, decided->start, "it is not in the log any more");
    skips_.push_back({found.topic, found.partition, decided->start.offset});
    answer.position = decided->start.offset;
    answer.gives_up = false;
  }
  asked.answer_repair(std::move(answer));
}

// ---- other logs

/// A receiver waits to know whether it may read on.
void kafka_source::serve_doubts() {
  if (verifying_ || host_->clock().steady_now() < no_verify_before_)
    return; // it is asked again
  for (const auto& slot : fetch_)
    if (slot->client->take_doubt())
      verify();
}

/// For receivers and commits that wait: surveys come only with batches.
void kafka_source::verify() {
  const auto now = host_->clock().steady_now();
  if (verifying_ || now < no_verify_before_)
    return;
  verifying_ = true;
  no_verify_before_ = now + 50ms;
  auto found = std::make_shared<checked_logs>();
  host_->run_blocking([=, this, all = places()] { *found = check_logs(all, 2s); },
                      [=, this] {
                        verifying_ = false;
                        if (!ready_)
                          return;
                        for (const auto& what : found->replaced)
                          on_replaced(what);
                        for (const auto& at : found->deleted)
                          on_deleted(at);
                        for (const auto& slot : fetch_)
                          slot->client->signal().fire();
                        if (!trusts_all()) // brokers are away
                          no_commit_before_ = host_->clock().steady_now() + 1s;
                        commit_due();
                      });
}

void kafka_source::on_replaced(const replacement& what) {
  const auto& at = what.place;
  if (!table_.owns(at.topic, at.partition) || renewing_.contains({at.topic, at.partition}))
    return;
  const auto decided =
      decide_anew({.topic = at.topic,
                   .partition = at.partition,
                   .low = what.found.now.low,
                   .end = what.found.now.end},
                  what.found.verdict, at.position, what.found.known.end, options_.on_data_loss);
  if (!decided)
    return host_->fail(decided.error());
  report_gap(at, *decided,
             what.found.verdict == log_verdict::other ? "the topic was made anew"
                                                      : "the log was cut, or the topic made anew");
  renew({.topic = at.topic,
         .partition = at.partition,
         .offset = decided->offset,
         .log = log_memory{.low = what.found.now.low, .end = what.found.now.end},
         .doubts = what.doubts});
}

void kafka_source::on_deleted(const repair& at) {
  if (!table_.owns(at.topic, at.partition))
    return;
  const auto known = evidence_->find({at.topic, at.partition});
  const auto unread = known ? std::max<std::int64_t>(0, known->end - at.position) : 0;
  error said(errc::offset_out_of_range,
             fmt::format("{} [{}]: the brokers do not know it any more{}", at.topic, at.partition,
                         unread == 0
                             ? std::string()
                             : fmt::format("; {} offsets from {} on were not read and are lost",
                                           unread, at.position)));
  if (unread > 0 && options_.on_data_loss == data_loss::fail)
    return host_->fail(std::move(said));
  log(log_level::error, said.message() + "; the others go on");
  gap_offsets_ += unread;
  if (unread > 0)
    errors_.push_back(std::move(said));
}

void kafka_source::renew(start_position from) {
  const log_evidence::place at(from.topic, from.partition);
  if (!renewing_.insert(at).second)
    return;
  for (const auto& slot : fetch_) // nothing more can be read of the open batch's range
    slot->client->answer_repair(
        {.topic = from.topic, .partition = from.partition, .gives_up = true});
  host_->quiesce(quiesce_kind::finish, hand_over_patience, [=, this] {
    if (renewing_.erase(at) == 0)
      return; // the assignment has changed
    evidence_->begin(at, *from.log, from.doubts);
    table_.restart_at(from.topic, from.partition, from.offset);
    for (const auto& slot : fetch_)
      slot->client->drop_queued(from.topic, from.partition);
    commit_due();
  });
}

void kafka_source::report_gap(const repair& found, const start_decision& decided,
                              std::string_view why) {
  if (decided.offset == found.position && decided.gap == 0)
    return;
  gap_offsets_ += decided.gap;
  error said(errc::offset_out_of_range,
             fmt::format("{} [{}]: position {}: {}; reading goes on at {}: {} offsets lost or "
                         "repeated, {} in all",
                         found.topic, found.partition, found.position, why, decided.offset,
                         decided.gap, gap_offsets_));
  log(log_level::warning, said.message());
  errors_.push_back(std::move(said));
}

} // namespace weir::kafka
