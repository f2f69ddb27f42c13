#include <weir/connectors/kafka/options.hpp>

#include <weir/connectors/kafka/internal/broker_list.hpp>
#include <weir/connectors/kafka/internal/names.hpp>
#include <weir/connectors/kafka/internal/properties.hpp>
#include <weir/connectors/kafka/internal/subscription.hpp>

#include <fmt/format.h>

#include <map>
#include <set>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

error wrong(std::string message) { return {errc::invalid_config, std::move(message)}; }

expected<void> check_common(const std::string& brokers, std::chrono::milliseconds connect_timeout) {
  if (auto ok = check_brokers(brokers); !ok)
    return ok;
  if (connect_timeout <= 0ms)
    return wrong(
        fmt::format("option `connect_timeout` = {} ms must be above 0", connect_timeout.count()));
  return {};
}

expected<void> check_topics(const std::vector<std::string>& topics) {
  std::set<std::string> seen;
  for (const auto& topic : topics) {
    if (topic.starts_with('^'))
      return wrong(
          fmt::format("option `topics`: \"{}\" is no topic name; patterns go to the option "
                      "`topic_pattern`",
                      shown(topic)));
    if (auto ok = check_topic("option `topics`", topic); !ok)
      return ok;
    if (!seen.insert(topic).second)
      return wrong(fmt::format("option `topics` names {} twice; remove one of them", topic));
  }
  return {};
}

expected<void> check_assignment(const std::vector<topic_partitions>& assign) {
  std::set<std::pair<std::string, std::int32_t>> seen;
  std::map<std::string, bool> whole; ///< Whether all partitions of a topic are meant.
  for (const auto& entry : assign) {
    if (auto ok = check_topic("option `assign`", entry.topic); !ok)
      return ok;
    const auto [known, first] = whole.emplace(entry.topic, entry.partitions.empty());
    if (!first && (known->second || entry.partitions.empty()))
      return wrong(fmt::format("option `assign` names {} twice, once with all its partitions; "
                               "remove one of them",
                               entry.topic));
    for (const auto partition : entry.partitions) {
      if (partition < 0)
        return wrong(
            fmt::format("option `assign`: topic {} has no partition {}", entry.topic, partition));
      if (!seen.emplace(entry.topic, partition).second)
        return wrong(fmt::format("option `assign` lists partition {} of topic {} twice", partition,
                                 entry.topic));
    }
  }
  return {};
}

expected<void> check_start(const starting_offsets& start) {
  std::set<std::pair<std::string, std::int32_t>> seen;
  for (const auto& place : start.places()) {
    if (place.offset < partition_offset::beginning || place.partition < 0)
      return wrong(fmt::format("option `start`: {} [{}] offset {} is none; use 0 or more, or "
                               "partition_offset::beginning "
                               "or ::end",
                               place.topic, place.partition, place.offset));
    if (!seen.emplace(place.topic, place.partition).second)
      return wrong(fmt::format("option `start` lists partition {} of topic {} twice",
                               place.partition, place.topic));
  }
  if (start.which() == starting_offsets::kind::at_time && start.time() < event_time{})
    return wrong("option `start`: a time before 1970 is none");
  return {};
}

} // namespace

expected<void> direct_stream_options::check() const {
  if (auto ok = check_common(brokers, connect_timeout); !ok)
    return ok;
  const int ways = int{!topics.empty()} + int{!topic_pattern.empty()} + int{!assign.empty()};
  if (ways != 1)
    return wrong(fmt::format(
        "exactly one of the options `topics`, `topic_pattern` and `assign` must be given, not {}",
        ways));
  if (auto ok = check_topics(topics); !ok)
    return ok;
  if (auto ok = check_pattern(topic_pattern); !ok)
    return ok;
  if (auto ok = check_group(group); !ok)
    return ok;
  if (auto ok = check_assignment(assign); !ok)
    return ok;
  if (auto ok = check_start(start); !ok)
    return ok;
  if (auto wanted = subscription::make(*this); !wanted)
    return std::move(wanted).error();
  else if (auto ok = wanted->check_places(start.places()); !ok)
    return ok;
  if (discovery_interval < 1s || discovery_interval > 60s)
    return wrong(fmt::format("option `discovery_interval` = {} ms is outside 1000 to 60000",
                             discovery_interval.count()));
  if (offsets == offset_commits::manual && group.empty())
    return wrong("option `offsets` = manual needs a `group` to commit to");
  if (offsets == offset_commits::manual && !committer)
    return wrong("option `offsets` = manual needs a `committer`, or nothing is ever committed and "
                 "each start reads everything again; give an offset_committer, or leave `offsets` "
                 "automatic");
  return check_properties(client_role::consumer, properties);
}

expected<void> producer_options::check() const {
  if (auto ok = check_common(brokers, connect_timeout); !ok)
    return ok;
  if (!topic.empty())
    if (auto ok = check_topic("option `topic`", topic); !ok)
      return ok;
  if (delivery_timeout <= 0ms)
    return wrong(
        fmt::format("option `delivery_timeout` = {} ms must be above 0", delivery_timeout.count()));
  if (max_queued_bytes < 1024 * 1024)
    return wrong(
        fmt::format("option `max_queued_bytes` = {} must be at least 1 MiB", max_queued_bytes));
  if (auto ok = check_properties(client_role::producer, properties); !ok)
    return ok;
  // Properties can contradict each other, e.g. idempotence and acks=1: ask librdkafka about the
  // whole.
  if (auto conf = make_conf(properties, {{"partitioner", partitioner}}); !conf)
    return std::move(conf).error().with("option `partitioner`");
  if (const auto acks = properties.find("acks");
      idempotent && acks != properties.end() && acks->second == "1")
    return wrong(
        "Kafka property acks = \"1\" contradicts the option `idempotent`; remove one of them");
  return {};
}

} // namespace weir::kafka
