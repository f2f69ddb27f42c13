// From the client's message to a record.
#pragma once

#include <weir/connectors/kafka/internal/handles.hpp>
#include <weir/connectors/kafka/internal/header_list.hpp>
#include <weir/connectors/kafka/record.hpp>

#include <cstring>

namespace weir::kafka {

/// Nullable bytes where they are.
inline std::optional<std::string_view> view_bytes(const void* bytes, std::size_t size) {
  if (!bytes)
    return std::nullopt;
  return std::string_view(static_cast<const char*>(bytes), size);
}

/// A copy of nullable bytes in the arena. Null stays null.
inline std::optional<std::string_view> copy_bytes(const void* bytes, std::size_t size, arena& to) {
  if (!bytes)
    return std::nullopt;
  return to.copy({static_cast<const char*>(bytes), size});
}

/// The message's headers, copied. Kept out of the reading loop: most jobs do not want them.
std::span<const header> copy_headers(const rd_kafka_message_t& message, arena& to);

/// The message as a record. Its headers are in the arena.
/// @param topic outlives the record.
/// @param bytes makes key and value of an address, which may be null, and a size.
template <class Bytes>
record read_message(const rd_kafka_message_t& message, std::string_view topic, bool headers,
                    arena& to, Bytes&& bytes) {
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const auto stamp = rd_kafka_message_timestamp(&message, &kind);
  record made;
  made.key = bytes(message.key, message.key_len);
  made.value = bytes(message.payload, message.len);
  made.topic = topic;
  made.offset = message.offset;
  made.partition = message.partition;
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && stamp >= 0) {
    made.timestamp = event_time(std::chrono::milliseconds(stamp));
    made.stamped_by = kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? timestamp_kind::append
                                                                 : timestamp_kind::create;
  }
  if (headers) [[unlikely]]
    made.headers = copy_headers(message, to);
  return made;
}

/// The message as a record whose bytes are in the arena.
/// @param topic already in the arena, once per block.
inline record copy_record(const rd_kafka_message_t& message, std::string_view topic, bool headers,
                          arena& to) {
  return read_message(message, topic, headers, to, [&](const void* bytes, std::size_t size) {
    return copy_bytes(bytes, size, to);
  });
}

/// The message as a record whose bytes are the message's own, but for the headers.
inline record view_message(const rd_kafka_message_t& message, std::string_view topic, bool headers,
                           arena& to) {
  return read_message(message, topic, headers, to, &view_bytes);
}

/// The message as a value of its own.
owned_record hold(const rd_kafka_message_t& message, std::string_view topic, bool headers);

/// A held record as a view whose bytes are in the arena.
inline record view_of(const owned_record& kept, arena& to) {
  record made;
  if (kept.key)
    made.key = to.copy(*kept.key);
  if (kept.value)
    made.value = to.copy(*kept.value);
  made.topic = to.copy(kept.topic);
  made.offset = kept.offset;
  made.partition = kept.partition;
  made.timestamp = kept.timestamp;
  made.stamped_by = kept.stamped_by;
  if (!kept.headers.empty()) {
    const auto room = allocate_headers(kept.headers.size(), to);
    for (std::size_t i = 0; i < room.size(); ++i) {
      const auto& h = kept.headers[i];
      std::construct_at(&room[i], header{to.copy(h.name), h.value ? std::optional(to.copy(*h.value))
                                                                  : std::nullopt});
    }
    made.headers = room;
  }
  return made;
}

} // namespace weir::kafka
