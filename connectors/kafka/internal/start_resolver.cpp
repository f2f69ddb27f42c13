#include <weir/connectors/kafka/internal/start_resolver.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>

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
    const bool perhaps_new = nature_of(failure) == nature::missing && attempt < 20;
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
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    auto& p = partitions[i];
    partition_facts facts{.topic = p.topic,
                          .partition = p.partition,
                          .low = (*lows)[i],
                          .end = (*ends)[i],
                          .committed = query.prefer_committed ? p.committed : std::nullopt,
                          .newcomer = query.later || known.contains(p.topic)};
    if (!times.empty() && times[i] >= 0)
      facts.at_time = times[i];
    auto decided = decide_start(facts, query.options);
    if (!decided)
      return std::move(decided).error();
    p.offset = decided->offset;
    if (decided->gap > 0)
      query.log(
          log_level::warning, "weir.kafka",
          fmt::format(
              "{} [{}]: {} offsets are skipped: the log holds [{}, {}), reading goes on at {}",
              p.topic, p.partition, decided->gap, facts.low, facts.end, p.offset));
  }
  return partitions;
}

expected<start_decision> resolve_repair(const repair& found, const start_query& query) {
  auto low = insist({found}, RD_KAFKA_OFFSET_BEGINNING, query);
  if (!low)
    return std::move(low).error();
  auto end = insist({found}, RD_KAFKA_OFFSET_END, query);
  if (!end)
    return std::move(end).error();
  const partition_facts facts{
      .topic = found.topic, .partition = found.partition, .low = low->front(), .end = end->front()};
  if (found.position >= facts.low && found.position <= facts.end)
    return start_decision{.offset = found.position}; // it has come back meanwhile
  return apply_data_loss(facts, found.position, "position", query.options.on_data_loss);
}

} // namespace weir::kafka
