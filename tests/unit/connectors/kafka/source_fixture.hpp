// What tests of Kafka sources on the embedded broker share.
#pragma once

#include "kafka_fixture.hpp"

#include <tests/support/source_harness.hpp>

#include <map>
#include <string>
#include <vector>

namespace weir::kafka {

using harness = testing_support::source_harness<record>;
using testing_support::outcome_of;
using namespace std::chrono_literals;

inline direct_stream_options reading(const embedded_broker& broker, std::string topic) {
  return {.brokers = broker.bootstrap(),
          .topics = {std::move(topic)},
          .start = starting_offsets::earliest(),
          .connect_timeout = 5s};
}

/// The same as a member of a group. The mock cluster lets a group rest for the session timeout
/// after a member has left.
inline direct_stream_options reading_together(const embedded_broker& broker, std::string topic) {
  auto options = reading(broker, std::move(topic));
  options.group = "g";
  options.properties = {{"session.timeout.ms", "4000"}, {"heartbeat.interval.ms", "100"}};
  return options;
}

/// Lets answers to commits arrive.
inline void settle(harness& job) {
  (void)job.turn_until([] { return false; }, 100ms);
}

/// Values by partition, in the order they came.
inline std::map<int, std::vector<std::string>>
by_partition(const std::vector<owned_record>& records) {
  std::map<int, std::vector<std::string>> sorted;
  for (const auto& r : records)
    sorted[r.partition].push_back(r.value.value_or("(null)"));
  return sorted;
}

inline std::vector<std::string> numbers(int first, int count) {
  std::vector<std::string> text;
  for (int i = first; i < first + count; ++i)
    text.push_back(std::to_string(i));
  return text;
}

} // namespace weir::kafka
