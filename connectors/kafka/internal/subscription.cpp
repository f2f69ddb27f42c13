#include <weir/connectors/kafka/internal/subscription.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <regex>
#include <thread>

namespace weir::kafka {

using namespace std::chrono_literals;

struct subscription::pattern {
  std::regex expression;
};

expected<subscription> subscription::make(const direct_stream_options& options) {
  subscription made;
  for (const auto& topic : options.topics)
    made.named_.push_back({.topic = topic});
  made.named_.insert(made.named_.end(), options.assign.begin(), options.assign.end());
  made.grows_ = std::ranges::any_of(made.named_,
                                    [](const topic_partitions& t) { return t.partitions.empty(); });
  if (!options.topic_pattern.empty()) {
    try {
      made.pattern_ =
          std::make_shared<pattern>(std::regex(options.topic_pattern, std::regex::extended));
    } catch (const std::regex_error& wrong) {
      return error{errc::invalid_config,
                   fmt::format("option `topic_pattern` = \"{}\" is no regular expression: {}",
                               shown(options.topic_pattern), wrong.what())};
    }
    made.grows_ = true;
  }
  return made;
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
      if (!topic.name.starts_with("__") && std::regex_match(topic.name, pattern_->expression))
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
