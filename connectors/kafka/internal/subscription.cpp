#include <weir/connectors/kafka/internal/subscription.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace weir::kafka {

using namespace std::chrono_literals;

expected<subscription> subscription::make(const direct_stream_options& options) {
  subscription made;
  for (const auto& topic : options.topics)
    made.named_.push_back({.topic = topic});
  made.named_.insert(made.named_.end(), options.assign.begin(), options.assign.end());
  made.grows_ = std::ranges::any_of(made.named_,
                                    [](const topic_partitions& t) { return t.partitions.empty(); });
  if (!options.topic_pattern.empty()) {
    auto pattern = topic_filter::make(options.topic_pattern);
    if (!pattern)
      return std::move(pattern).error();
    made.pattern_ = std::move(*pattern);
    made.grows_ = true;
  }
  return made;
}

expected<void> subscription::check_places(const std::vector<partition_offset>& places,
                                          const std::vector<start_position>* there) const {
  for (const auto& place : places) {
    const bool assigned =
        pattern_ || std::ranges::any_of(named_, [&](const topic_partitions& t) {
          return t.topic == place.topic &&
                 (t.partitions.empty() ||
                  std::ranges::find(t.partitions, place.partition) != t.partitions.end());
        });
    const bool exists = !there || std::ranges::any_of(*there, [&](const start_position& p) {
      return p.topic == place.topic && p.partition == place.partition;
    });
    if (!reads(place.topic) || !assigned || !exists)
      return error{errc::invalid_config,
                   fmt::format("option `start` lists offset {} of {} [{}], which {}; correct the "
                               "topic or the partition",
                               place.offset, place.topic, place.partition,
                               reads(place.topic) && assigned
                                   ? "does not exist"
                                   : "is none of the partitions that the stream reads")};
  }
  return {};
}

bool subscription::reads(const std::string& topic) const {
  return pattern_ ? pattern_->matches(topic)
                  : std::ranges::find(named_, topic, &topic_partitions::topic) != named_.end();
}

expected<std::vector<start_position>> subscription::resolve(const client& broker,
                                                            milliseconds timeout) const {
  std::vector<start_position> found;
  const auto add_all = [&](const std::string& topic, std::int32_t count) {
    for (std::int32_t p = 0; p < count; ++p)
      found.push_back({.topic = topic, .partition = p});
  };
  if (pattern_) {
    auto topics = broker.topics({}, timeout);
    if (!topics)
      return std::move(topics).error();
    for (const auto& topic : *topics)
      if (pattern_->matches(topic.name))
        add_all(topic.name, topic.partitions);
    return found;
  }
  // A topic that was made a moment ago is not known at once by every broker: ask for it again for a
  // second.
  const auto patience = std::chrono::steady_clock::now() + std::min<milliseconds>(timeout, 1'000ms);
  for (const auto& wanted : named_) {
    for (;;) {
      const std::vector<std::string> name{wanted.topic};
      auto topics = broker.topics(name, timeout);
      if (!topics)
        return std::move(topics).error();
      const auto& topic = topics->front();
      const auto missing =
          std::ranges::find_if(wanted.partitions, [&](auto p) { return p >= topic.partitions; });
      if (topic.failure == RD_KAFKA_RESP_ERR_NO_ERROR && missing == wanted.partitions.end()) {
        if (wanted.partitions.empty())
          add_all(wanted.topic, topic.partitions);
        for (const auto p : wanted.partitions)
          found.push_back({.topic = wanted.topic, .partition = p});
        break;
      }
      if (std::chrono::steady_clock::now() >= patience) {
        if (topic.failure != RD_KAFKA_RESP_ERR_NO_ERROR)
          return to_error(topic.failure, fmt::format("topic {}", wanted.topic));
        return error{
            errc::unknown_topic,
            fmt::format("topic {} has no partition {}: it has {}; correct the option `assign`",
                        wanted.topic, *missing, topic.partitions)};
      }
      std::this_thread::sleep_for(50ms);
    }
  }
  return found;
}

} // namespace weir::kafka
