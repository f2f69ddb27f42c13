// What the integration tests of the Kafka connector share: streams on a real broker, driven without
// an engine.
#pragma once

#include <weir/connectors/kafka.hpp>

#include <catch2/catch.hpp>
#include <tests/support/kafka/broker.hpp>
#include <tests/support/source_harness.hpp>

#include <map>
#include <string>
#include <vector>

namespace weir::kafka {

using namespace std::chrono_literals;
using testing_support::fresh_name;
using testing_support::outcome_of;
using testing_support::require_broker;
using job = testing_support::source_harness<record>;

inline direct_stream_options reading(const testing_support::real_broker& broker,
                                     std::string topic) {
  return {.brokers = broker.bootstrap(),
          .topics = {std::move(topic)},
          .start = starting_offsets::earliest()};
}

inline std::vector<std::string> numbers(int first, int count) {
  std::vector<std::string> text;
  for (int i = first; i < first + count; ++i)
    text.push_back(std::to_string(i));
  return text;
}

/// Values of one partition in the order they were read.
inline std::vector<std::string> values_of(const std::vector<owned_record>& records,
                                          int partition = 0) {
  std::vector<std::string> values;
  for (const auto& r : records)
    if (r.partition == partition)
      values.push_back(r.value.value_or("(null)"));
  return values;
}

/// Opens a stream and waits until it is ready.
inline void start(job& stream) {
  REQUIRE(outcome_of(stream.open()) == "ok");
  REQUIRE(stream.turn_until_ready());
}

/// Lets answers to commits arrive.
inline void settle(job& stream) {
  (void)stream.turn_until([] { return false; }, 150ms);
}

} // namespace weir::kafka
