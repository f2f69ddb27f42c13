#include <weir/connectors/kafka/record.hpp>

#include <weir/connectors/kafka/internal/header_list.hpp>

namespace weir {

kafka::owned_record record_traits<kafka::record>::to_owned(const kafka::record& r) {
  using text = record_traits<std::optional<std::string_view>>;
  kafka::owned_record copy{.key = text::to_owned(r.key),
                           .value = text::to_owned(r.value),
                           .topic = std::string(r.topic),
                           .offset = r.offset,
                           .timestamp = r.timestamp,
                           .headers = {},
                           .partition = r.partition,
                           .stamped_by = r.stamped_by};
  copy.headers.reserve(r.headers.size());
  for (const auto& h : r.headers)
    copy.headers.push_back(record_traits<kafka::header>::to_owned(h));
  return copy;
}

kafka::record record_traits<kafka::record>::relocate(const kafka::record& r, arena& to) {
  using text = record_traits<std::optional<std::string_view>>;
  kafka::record moved = r;
  moved.key = text::relocate(r.key, to);
  moved.value = text::relocate(r.value, to);
  moved.topic = to.copy(r.topic);
  moved.headers = kafka::relocate_headers(r.headers, to);
  return moved;
}

} // namespace weir
