// A Kafka cluster inside the process, for demonstrations and fast tests.
#pragma once

#include <weir/runtime/expected.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weir::kafka {

/// The oldest offset of a partition and the one behind its newest record.
struct watermark_offsets {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// librdkafka's mock cluster, listening on ports of 127.0.0.1 for as long as the object lives.
///
/// It keeps about 5 MiB per partition, then drops the oldest records without a word. It has no
/// transactions worth the name, no fencing, no lookup by time, no TLS: never take it as proof of
/// exactly-once.
///
/// Threads: some of librdkafka's; any thread may call. Its end takes up to a second.
class embedded_broker {
public:
  /// @param brokers how many brokers the cluster pretends to have, 1 to 16.
  static expected<embedded_broker> make(int brokers = 1);

  embedded_broker(embedded_broker&&) noexcept;
  embedded_broker& operator=(embedded_broker&&) noexcept;
  ~embedded_broker();

  /// Fails when the topic exists already.
  expected<void> create_topic(std::string_view name, std::int32_t partitions = 1);

  /// "127.0.0.1:port,..." for the `brokers` option.
  [[nodiscard]] const std::string& bootstrap() const noexcept;

  /// What the partition holds. Asks the cluster; takes about a millisecond.
  expected<watermark_offsets> watermarks(std::string_view topic, std::int32_t partition) const;

  /// Cuts every connection and refuses new ones until `resume`: a broker that is down.
  expected<void> suspend();
  expected<void> resume();

private:
  struct impl;
  explicit embedded_broker(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::kafka
