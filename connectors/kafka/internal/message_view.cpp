#include <weir/connectors/kafka/internal/message_view.hpp>

namespace weir::kafka {

std::span<const header> copy_headers(const rd_kafka_message_t& message, arena& to) {
  rd_kafka_headers_t* parsed = nullptr;
  if (rd_kafka_message_headers(&message, &parsed) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  const auto count = rd_kafka_header_cnt(parsed);
  const auto room = allocate_headers(count, to);
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    rd_kafka_header_get_all(parsed, i, &name, &value, &size);
    std::construct_at(&room[i], header{to.copy(name ? name : ""), copy_bytes(value, size, to)});
  }
  return room;
}

owned_record hold(const rd_kafka_message_t& message, std::string_view topic, bool headers) {
  arena scratch(1024);
  return record_traits<record>::to_owned(copy_record(message, topic, headers, scratch));
}

} // namespace weir::kafka
