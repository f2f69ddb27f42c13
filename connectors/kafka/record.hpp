// One message of a topic, as a view into its block and as a value of its own. Next: options.hpp.
#pragma once

#include <weir/runtime/record_traits.hpp>
#include <weir/runtime/time.hpp>

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kafka {

/// One header of a record. Names may repeat; a null value is not an empty one.
struct header {
  std::string_view name{};
  std::optional<std::string_view> value{};
  friend bool operator==(const header&, const header&) = default;
};

/// Where a record's timestamp comes from.
enum class timestamp_kind : std::uint8_t {
  none,   ///< The record has no timestamp.
  create, ///< The producer set it.
  append, ///< The broker set it when it wrote the record.
};

/// One message of a topic. A view: it lives as long as the block it came in. Null is not empty,
/// neither for the key nor for the value.
struct record {
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{};
  std::string_view topic{};
  std::int64_t offset = 0;
  std::optional<event_time> timestamp{};
  std::span<const header> headers{}; ///< Empty unless the stream was told to read headers.
  std::int32_t partition = 0;
  timestamp_kind stamped_by = timestamp_kind::none;
};

/// A header that owns its bytes.
struct owned_header {
  std::string name{};
  std::optional<std::string> value{};
  friend bool operator==(const owned_header&, const owned_header&) = default;
};

/// A record that owns its bytes and may outlive its block.
struct owned_record {
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::string topic{};
  std::int64_t offset = 0;
  std::optional<event_time> timestamp{};
  std::vector<owned_header> headers{};
  std::int32_t partition = 0;
  timestamp_kind stamped_by = timestamp_kind::none;

  friend bool operator==(const owned_record&, const owned_record&) = default;
};

/// `topic/partition@offset (key,value)`, with `null` for what is not there, and behind it headers,
/// if there are any, as `[name=value, name=value]`: what `print` shows.
[[nodiscard]] std::string to_text(const record& r);
[[nodiscard]] std::string to_text(const owned_record& r);

} // namespace weir::kafka

template <>
struct fmt::formatter<weir::kafka::record> : fmt::formatter<std::string_view> {
  auto format(const weir::kafka::record& r, fmt::format_context& to) const
      -> fmt::format_context::iterator;
};
template <>
struct fmt::formatter<weir::kafka::owned_record> : fmt::formatter<std::string_view> {
  auto format(const weir::kafka::owned_record& r, fmt::format_context& to) const
      -> fmt::format_context::iterator;
};

template <>
struct weir::record_traits<weir::kafka::header> {
  static constexpr bool self_contained = false;
  using owned = kafka::owned_header;
  static owned to_owned(const kafka::header& h) {
    return {std::string(h.name), record_traits<std::optional<std::string_view>>::to_owned(h.value)};
  }
  static kafka::header relocate(const kafka::header& h, arena& to) {
    return {to.copy(h.name), record_traits<std::optional<std::string_view>>::relocate(h.value, to)};
  }
  static constexpr std::size_t heap_bytes(const kafka::header&) { return 0; }
};

template <>
struct weir::record_traits<weir::kafka::owned_header>
    : owning_record_traits<weir::kafka::owned_header> {
  static std::size_t heap_bytes(const kafka::owned_header& h) {
    return record_traits<std::string>::heap_bytes(h.name) +
           record_traits<std::optional<std::string>>::heap_bytes(h.value);
  }
};

template <>
struct weir::record_traits<weir::kafka::record> {
  static constexpr bool self_contained = false;
  using owned = kafka::owned_record;
  static owned to_owned(const kafka::record& r);
  static kafka::record relocate(const kafka::record& r, arena& to);
  /// What a test's look at views is told instead of finding it out field by field, which costs the
  /// compiler more than all else in a program that reads Kafka.
  template <class Use>
  static void each_view(const kafka::record& r, const Use& use) {
    const auto view = [&use](const std::optional<std::string_view>& text) {
      if (text)
        use(*text, true);
    };
    view(r.key);
    view(r.value);
    use(r.topic, true);
    use(std::string_view(reinterpret_cast<const char*>(r.headers.data()), r.headers.size_bytes()),
        true);
    for (const auto& h : r.headers) {
      use(h.name, true);
      view(h.value);
    }
  }
  static constexpr std::size_t heap_bytes(const kafka::record&) { return 0; }
};

template <>
struct weir::record_traits<weir::kafka::owned_record>
    : owning_record_traits<weir::kafka::owned_record> {
  static std::size_t heap_bytes(const kafka::owned_record& r) {
    std::size_t bytes = record_traits<std::optional<std::string>>::heap_bytes(r.key) +
                        record_traits<std::optional<std::string>>::heap_bytes(r.value) +
                        record_traits<std::string>::heap_bytes(r.topic) +
                        r.headers.size() * sizeof(kafka::owned_header);
    for (const auto& h : r.headers)
      bytes += record_traits<kafka::owned_header>::heap_bytes(h);
    return bytes;
  }
};
