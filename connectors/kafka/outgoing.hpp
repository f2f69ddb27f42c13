// One message to be written, as a view and as a value of its own. Next: producer_sink.hpp.
#pragma once

#include <weir/connectors/kafka/record.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kafka {

/// A message to be written. A view: its bytes must live until it has been taken.
struct outgoing {
  std::string_view topic{}; ///< Empty: the sink's own topic.
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{}; ///< Null is a tombstone, not an empty value.
  std::span<const header> headers{};
  std::optional<std::int32_t> partition{}; ///< Unset: the partitioner decides by the key.
  /// Unset: the time of writing. >= 1970; the first millisecond of 1970 is written as the second,
  /// since Kafka's client takes 0 for the time of writing.
  std::optional<event_time> timestamp{};
};

/// A message that owns its bytes.
struct owned_outgoing {
  std::string topic{};
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::vector<owned_header> headers{};
  std::optional<std::int32_t> partition{};
  std::optional<event_time> timestamp{};

  /// The view that a sink takes; valid until the next call on this thread and while the message
  /// lives.
  operator outgoing() const;

  friend bool operator==(const owned_outgoing&, const owned_outgoing&) = default;
};

} // namespace weir::kafka

template <>
struct weir::record_traits<weir::kafka::outgoing> {
  static constexpr bool self_contained = false;
  using owned = kafka::owned_outgoing;
  static owned to_owned(const kafka::outgoing& m);
  static kafka::outgoing relocate(const kafka::outgoing& m, arena& to);
  static constexpr std::size_t heap_bytes(const kafka::outgoing&) { return 0; }
};

template <>
struct weir::record_traits<weir::kafka::owned_outgoing>
    : owning_record_traits<weir::kafka::owned_outgoing> {
  static std::size_t heap_bytes(const kafka::owned_outgoing& m) {
    std::size_t bytes = record_traits<std::optional<std::string>>::heap_bytes(m.key) +
                        record_traits<std::optional<std::string>>::heap_bytes(m.value) +
                        record_traits<std::string>::heap_bytes(m.topic) +
                        m.headers.size() * sizeof(kafka::owned_header);
    for (const auto& h : m.headers)
      bytes += record_traits<kafka::owned_header>::heap_bytes(h);
    return bytes;
  }
};
