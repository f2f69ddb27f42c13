// An embedded broker, and records in it.
#pragma once

#include <weir/connectors/kafka.hpp>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <string>
#include <thread>
#include <vector>

namespace weir::kafka {

inline embedded_broker broker_with(std::string_view topic, std::int32_t partitions) {
  auto broker = embedded_broker::make();
  REQUIRE(broker);
  REQUIRE(broker->create_topic(topic, partitions));
  return std::move(*broker);
}

/// Sends messages and waits until all are acknowledged.
inline void produce(const std::string& brokers, const std::vector<owned_outgoing>& messages) {
  producer to({.brokers = brokers, .topic = messages.front().topic});
  replica_context env;
  env.wake = [] {};
  env.log = [](log_level, std::string_view) {};
  REQUIRE(to.open(env));
  const auto patiently = [](auto&& call) {
    for (int i = 0; i < 10'000; ++i) {
      const auto done = call();
      if (!done)
        FAIL(done.error().message());
      if (*done == progress::done)
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("the broker does not acknowledge");
  };
  for (const auto& message : messages)
    patiently([&] { return to.send(message); });
  patiently([&] { return to.flush(); });
}

/// `count` records "<first>", "<first + 1>", ... into one partition.
inline void produce_numbers(const std::string& brokers, const std::string& topic,
                            std::int32_t partition, int first, int count) {
  std::vector<owned_outgoing> messages;
  for (int i = first; i < first + count; ++i)
    messages.push_back({.topic = topic, .value = std::to_string(i), .partition = partition});
  produce(brokers, messages);
}

} // namespace weir::kafka
