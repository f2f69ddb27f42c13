// Makes sure that a topic is there before a job reads or writes it. Next: direct_stream.hpp.
#pragma once

#include <weir/runtime/expected.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace weir::kafka {

/// A topic that a program needs.
struct topic_settings {
  std::string brokers{};        ///< "host:port,host:port". Required.
  std::string topic{};          ///< Required.
  std::int32_t partitions = 1;  ///< >= 1. Of a new topic; one that exists keeps its own number.
  std::int16_t replication = 0; ///< Copies of a new topic. 0: the broker's default.
  std::chrono::milliseconds timeout{10'000}; ///< > 0. For connecting and creating together.
  /// librdkafka's own properties, verbatim, e.g. {"security.protocol", "SASL_SSL"}.
  std::map<std::string, std::string> properties{};
};

/// Creates the topic unless it exists, and waits until the brokers know its partitions. Blocks. Any
/// thread. The embedded broker cannot do this: use `embedded_broker::create_topic` there.
/// @returns how many partitions the topic has; errc::invalid_config, errc::unreachable_broker, or
/// why
///          the broker refused.
[[nodiscard]] expected<std::int32_t> ensure_topic(const topic_settings& wanted);

} // namespace weir::kafka
