#include <weir/connectors/kafka/outgoing.hpp>

#include <weir/connectors/kafka/internal/header_list.hpp>

#include <memory>

namespace weir {

namespace kafka {

namespace {

std::optional<std::string_view> view(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

} // namespace

owned_outgoing::operator outgoing() const {
  outgoing message{.topic = topic,
                   .key = view(key),
                   .value = view(value),
                   .headers = {},
                   .partition = partition,
                   .timestamp = timestamp};
  if (!headers.empty()) {
    thread_local std::vector<header> views; // one message is on its way at a time
    views.clear();
    for (const auto& h : headers)
      views.push_back({h.name, view(h.value)});
    message.headers = views;
  }
  return message;
}

} // namespace kafka

kafka::owned_outgoing record_traits<kafka::outgoing>::to_owned(const kafka::outgoing& m) {
  using text = record_traits<std::optional<std::string_view>>;
  kafka::owned_outgoing copy{.topic = std::string(m.topic),
                             .key = text::to_owned(m.key),
                             .value = text::to_owned(m.value),
                             .headers = {},
                             .partition = m.partition,
                             .timestamp = m.timestamp};
  copy.headers.reserve(m.headers.size());
  for (const auto& h : m.headers)
    copy.headers.push_back(record_traits<kafka::header>::to_owned(h));
  return copy;
}

kafka::outgoing record_traits<kafka::outgoing>::relocate(const kafka::outgoing& m, arena& to) {
  using text = record_traits<std::optional<std::string_view>>;
  kafka::outgoing moved = m;
  moved.topic = to.copy(m.topic);
  moved.key = text::relocate(m.key, to);
  moved.value = text::relocate(m.value, to);
  moved.headers = kafka::relocate_headers(m.headers, to);
  return moved;
}

} // namespace weir
