#include <weir/connectors/kafka/record.hpp>

#include <weir/connectors/kafka/internal/header_list.hpp>

#include <fmt/format.h>

#include <utility>

namespace weir {

namespace kafka {
namespace {

template <class Record>
std::string text_of(const Record& r) {
  const auto shown = [](const auto& text) { return text ? std::string_view(*text) : "null"; };
  auto text =
      fmt::format("{}/{}@{} ({},{})", r.topic, r.partition, r.offset, shown(r.key), shown(r.value));
  const char* before = " [";
  for (const auto& h : r.headers)
    text += fmt::format("{}{}={}", std::exchange(before, ", "), h.name, shown(h.value));
  return r.headers.empty() ? text : text + "]";
}

} // namespace

std::string to_text(const record& r) { return text_of(r); }
std::string to_text(const owned_record& r) { return text_of(r); }

} // namespace kafka

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

auto fmt::formatter<weir::kafka::record>::format(const weir::kafka::record& r,
                                                 fmt::format_context& to) const
    -> fmt::format_context::iterator {
  return formatter<std::string_view>::format(weir::kafka::to_text(r), to);
}

auto fmt::formatter<weir::kafka::owned_record>::format(const weir::kafka::owned_record& r,
                                                       fmt::format_context& to) const
    -> fmt::format_context::iterator {
  return formatter<std::string_view>::format(weir::kafka::to_text(r), to);
}
