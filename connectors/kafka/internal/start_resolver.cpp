#include <weir/connectors/kafka/internal/start_resolver.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/log_probe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

std::vector<repair> places(const std::vector<start_position>& partitions) {
  std::vector<repair> list;
  for (const auto& p : partitions)
    list.push_back({p.topic, p.partition, 0});
  return list;
}

/// Asks for one offset per partition and insists while brokers are away or leaders change.
expected<std::vector<std::int64_t>> insist(const std::vector<repair>& partitions,
                                           std::int64_t which, const start_query& query) {
  for (int attempt = 0;; ++attempt) {
    auto answers = query.asker.offsets(partitions, which, 2'000ms);
    auto failure = answers ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__TRANSPORT;
    std::size_t culprit = 0;
    if (answers)
      for (std::size_t i = 0; i < answers->size(); ++i)
        if (const auto& a = (*answers)[i];
            a.failure != RD_KAFKA_RESP_ERR_NO_ERROR || (a.offset < 0 && which < 0)) {
          failure = a.failure ? a.failure
                              : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE; // a bound without an answer
          culprit = i;
        }
    if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::vector<std::int64_t> offsets;
      for (const auto& a : *answers)
        offsets.push_back(a.offset);
      return offsets;
    }
    const auto tried = fmt::format("asking for the bounds of {} [{}]", partitions[culprit].topic,
                                   partitions[culprit].partition);
    // A partition that was just added is not in this client's view of the topic yet: asking for the
    // topic brings it up to date.
    const bool perhaps_new = query.patient && nature_of(failure) == nature::missing && attempt < 20;
    if (perhaps_new)
      (void)query.asker.raw().topics(std::vector{partitions[culprit].topic}, 2'000ms);
    else if (nature_of(failure) != nature::transient)
      return to_error(failure, tried);
    if (!query.go_on())
      return answers ? to_error(failure, tried) : std::move(answers).error();
    std::this_thread::sleep_for(50ms);
  }
}

/// Topics of which the group has committed any partition. A partition of such a topic that it has
/// not committed was added after the group began: weir commits the starting positions at once.
expected<std::set<std::string>> known_topics(const std::vector<start_position>& committed,
                                             const start_query& query) {
  std::set<std::string> known;
  std::set<std::string> doubtful;
  for (const auto& p : committed)
    (p.committed ? known : doubtful).insert(p.topic);
  std::vector<std::string> ask;
  std::ranges::set_difference(doubtful, known, std::back_inserter(ask));
  if (ask.empty())
    return known;
  auto topics = query.group->raw().topics(ask, 5'000ms);
  if (!topics)
    return std::move(topics).error();
  std::vector<start_position> others; // owned by other members
  for (const auto& topic : *topics)
    for (std::int32_t p = 0; p < topic.partitions; ++p)
      others.push_back({.topic = topic.name, .partition = p});
  auto answered = query.group->committed_offsets(std::move(others), query.go_on);
  if (!answered)
    return std::move(answered).error();
  for (const auto& p : *answered)
    if (p.committed)
      known.insert(p.topic);
  return known;
}

/// How far back a record is looked for by which to know a log again: markers of transactions have
/// offsets too.
constexpr std::int64_t offsets_back = 16;

/// Where a position lies behind what a reader may see, a transaction may be open: how far the logs
/// really reach is asked for.
expected<void> learn_high(std::vector<partition_facts>& facts,
                          const std::vector<std::size_t>& which, const start_query& query) {
  if (which.empty())
    return {};
  auto by = query.uncommitted();
  if (!by)
    return std::move(by).error();
  std::vector<repair> places;
  for (const auto i : which)
    places.push_back({facts[i].topic, facts[i].partition});
  const start_query asked{.options = query.options,
                          .asker = **by,
                          .watch = query.watch,
                          .go_on = query.go_on,
                          .log = query.log,
                          .uncommitted = {}};
  auto highs = insist(places, RD_KAFKA_OFFSET_END, asked);
  if (!highs)
    return std::move(highs).error();
  for (std::size_t i = 0; i < which.size(); ++i)
    facts[which[i]].high = (*highs)[i];
  return {};
}

expected<std::vector<partition_facts>> learn_facts(const std::vector<start_position>& partitions,
                                                   const std::set<std::string>& known,
                                                   const start_query& query) {
  const auto list = places(partitions);
  auto lows = insist(list, RD_KAFKA_OFFSET_BEGINNING, query);
  if (!lows)
    return std::move(lows).error();
  auto ends = insist(list, RD_KAFKA_OFFSET_END, query);
  if (!ends)
    return std::move(ends).error();
  std::vector<std::int64_t> times;
  if (query.options.start.which() == starting_offsets::kind::at_time) {
    auto found = insist(list, query.options.start.time().time_since_epoch().count(), query);
    if (!found)
      return std::move(found).error();
    times = std::move(*found);
  }
  std::vector<partition_facts> facts;
  std::vector<std::size_t> beyond;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& p = partitions[i];
    facts.push_back({.topic = p.topic,
                     .partition = p.partition,
                     .low = (*lows)[i],
                     .end = (*ends)[i],
                     .committed = query.prefer_committed ? p.committed : std::nullopt,
                     .newcomer = query.later || known.contains(p.topic) ||
                                 query.watch.evidence().knows_topic(p.topic)});
    if (!times.empty() && times[i] >= 0)
      facts.back().at_time = times[i];
    if (wanted_offset(facts.back(), query.options.start) > facts.back().end)
      beyond.push_back(i);
  }
  if (auto learnt = learn_high(facts, beyond, query); !learnt)
    return std::move(learnt).error();
  return facts;
}

/// Whether the logs are those that this process has read before.
expected<std::vector<log_watch::finding>> look_again(const std::vector<partition_facts>& facts,
                                                     const start_query& query) {
  std::vector<repair> places;
  std::vector<log_watch::finding> found(facts.size());
  for (std::size_t i = 0; i < facts.size(); ++i) {
    places.push_back({facts[i].topic, facts[i].partition});
    found[i].now = {.low = facts[i].low, .end = facts[i].end};
  }
  while (true) {
    query.watch.look(query.asker, places, found);
    const auto unknown =
        std::ranges::find(found, log_watch::finding::state::waits, &log_watch::finding::is);
    if (unknown == found.end())
      return found;
    if (!query.go_on()) {
      const auto& at = facts[static_cast<std::size_t>(unknown - found.begin())];
      return error{errc::timed_out,
                   fmt::format("{} [{}]: no broker told in time whether the topic is still the one "
                               "that was read",
                               at.topic, at.partition)};
    }
    std::this_thread::sleep_for(50ms);
  }
}

/// What is remembered of the logs: their bounds, and the last records before the positions.
void remember(std::vector<start_position>& partitions, const std::vector<partition_facts>& facts,
              std::uint64_t doubts, const start_query& query) {
  std::vector<probe> probes;
  std::vector<std::size_t> of;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& at = facts[i];
    partitions[i].log = log_memory{.low = at.low, .end = at.end};
    partitions[i].doubts = doubts;
    const auto until = std::min(partitions[i].offset, at.end);
    if (until <= at.low)
      continue;
    probes.push_back({.topic = at.topic,
                      .partition = at.partition,
                      .from = std::max(at.low, until - offsets_back),
                      .until = until});
    of.push_back(i);
  }
  const auto records = last_records(query.asker, probes, 2'000ms);
  for (std::size_t i = 0; i < of.size(); ++i) // without one the marks alone tell
    partitions[of[i]].log->record = records[i].record;
}

} // namespace

expected<std::vector<start_position>> resolve_starts(std::vector<start_position> partitions,
                                                     const start_query& query) {
  if (partitions.empty())
    return partitions;
  const bool by_group = query.group && query.prefer_committed;
  std::set<std::string> known;
  if (query.group) {
    auto committed = query.group->committed_offsets(std::move(partitions), query.go_on);
    if (!committed)
      return std::move(committed).error();
    partitions = std::move(*committed);
    if (by_group) {
      auto topics = known_topics(partitions, query);
      if (!topics)
        return std::move(topics).error();
      known = std::move(*topics);
    }
  }
  const auto doubts = query.watch.evidence().doubts();
  auto facts = learn_facts(partitions, known, query);
  if (!facts)
    return std::move(facts).error();
  auto logs = look_again(*facts, query);
  if (!logs)
    return std::move(logs).error();
  std::set<std::string> anew; ///< Topics of which other partitions are known to be other ones.
  for (std::size_t i = 0; i < partitions.size(); ++i)
    if ((*logs)[i].verdict == log_verdict::other)
      anew.insert(partitions[i].topic);
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    auto& p = partitions[i];
    auto& at = (*facts)[i];
    const auto& log = (*logs)[i];
    if (log.verdict == log_verdict::same && anew.contains(p.topic)) {
      p.committed = at.committed = std::nullopt;
      at.newcomer = true;
    }
    const auto position = log.known.record ? log.known.record->offset + 1 : log.known.end;
    auto decided =
        log.verdict == log_verdict::same
            ? decide_start(at, query.options)
            : decide_anew(at, log.verdict, position, log.known.end, query.options.on_data_loss);
    if (!decided)
      return std::move(decided).error();
    p.offset = decided->offset;
    if (log.verdict != log_verdict::same)
      p.committed = std::nullopt; // of the old log
    if (decided->gap > 0 || log.verdict != log_verdict::same)
      query.log(
          log_level::warning, "weir.kafka",
          fmt::format(
              "{} [{}]: {}{} offsets are skipped: the log holds [{}, {}), reading goes on at {}",
              p.topic, p.partition,
              log.verdict == log_verdict::same ? "" : "the topic was made anew, ", decided->gap,
              at.low, at.end, p.offset));
  }
  remember(partitions, *facts, doubts, query);
  return partitions;
}

expected<repair_decision> resolve_repair(const repair& found, const start_query& query) {
  const auto doubts = query.watch.evidence().doubts();
  auto low = insist({found}, RD_KAFKA_OFFSET_BEGINNING, query);
  if (!low)
    return std::move(low).error();
  auto end = insist({found}, RD_KAFKA_OFFSET_END, query);
  if (!end)
    return std::move(end).error();
  std::vector<partition_facts> facts = {{.topic = found.topic,
                                         .partition = found.partition,
                                         .low = low->front(),
                                         .end = end->front()}};
  auto logs = look_again(facts, query);
  if (!logs)
    return std::move(logs).error();
  const auto& log = logs->front();
  auto& at = facts.front();
  const auto decide = [&](expected<start_decision> decided) -> expected<repair_decision> {
    if (!decided)
      return std::move(decided).error();
    return repair_decision{.start = *decided};
  };
  if (log.verdict != log_verdict::same) {
    auto decided = decide(
        decide_anew(at, log.verdict, found.position, log.known.end, query.options.on_data_loss));
    if (decided)
      decided->anew = start_position{.topic = found.topic,
                                     .partition = found.partition,
                                     .offset = decided->start.offset,
                                     .log = log_memory{.low = at.low, .end = at.end},
                                     .doubts = doubts};
    return decided;
  }
  if (found.position > at.end)
    if (auto learnt = learn_high(facts, {0}, query); !learnt)
      return std::move(learnt).error();
  if (found.position >= at.low && found.position <= std::max(at.end, at.high.value_or(0)))
    return decide(start_decision{.offset = found.position}); // it has come back meanwhile
  return decide(apply_data_loss(at, found.position, "position", query.options.on_data_loss));
}

} // namespace weir::kafka
