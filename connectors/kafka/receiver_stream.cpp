#include <weir/connectors/kafka/receiver_stream.hpp>

#include <weir/connectors/kafka/internal/group_receiver.hpp>
#include <weir/connectors/kafka/internal/header_list.hpp>
#include <weir/connectors/kafka/internal/properties.hpp>

#include <fmt/format.h>

namespace weir::kafka {

expected<void> receiver_stream_options::check() const {
  const direct_stream_options as_direct{.brokers = brokers,
                                        .topics = topics,
                                        .group = group,
                                        .connect_timeout = connect_timeout,
                                        .properties = properties};
  if (auto ok = as_direct.check(); !ok)
    return ok;
  if (group.empty())
    return error(errc::invalid_config,
                 "option `group` is empty; receivers read as members of a group");
  return {};
}

stream<record> receiver_stream(context& to, receiver_stream_options options,
                               std::source_location where) {
  if (auto checked = options.check(); !checked)
    to.composed()->graph.add_mistake(std::move(checked).error().at(where));
  auto added = weir::receiver_stream<record>(
      to, [options](std::uint32_t) { return std::make_unique<group_receiver>(options); },
      {.push = options.push, .restarts = options.restarts, .receivers = options.receivers}, where);
  if (auto& graph = to.composed()->graph; !graph.frozen()) // else there is no such node
    graph.at(added.node()).shared_by = options.group;
  return added;
}

} // namespace weir::kafka

namespace weir {

namespace {

/// What is not text, in the order in which it is written.
using numbers =
    std::tuple<std::int64_t, std::optional<std::int64_t>, std::int32_t, kafka::timestamp_kind>;

/// A text that stays where it is; `codec<std::string>` would copy it.
expected<std::string_view> take_text(std::string_view& in) {
  auto size = codec<std::uint32_t>::decode(in);
  if (!size)
    return std::move(size).error();
  if (in.size() < *size)
    return detail::cut_short(*size, in.size());
  const auto text = in.substr(0, *size);
  in.remove_prefix(*size);
  return text;
}

expected<std::optional<std::string_view>> take_nullable(std::string_view& in) {
  const auto there = codec<bool>::decode(in);
  if (!there)
    return there.error();
  if (!*there)
    return std::optional<std::string_view>();
  auto text = take_text(in);
  if (!text)
    return std::move(text).error();
  return std::optional(*text);
}

expected<std::span<const kafka::header>> take_headers(std::string_view& in, arena& room) {
  const auto count = codec<std::uint32_t>::decode(in);
  if (!count)
    return count.error();
  if (*count == 0)
    return std::span<const kafka::header>();
  constexpr std::size_t least = 5; // the length of the name, and whether there is a value
  if (in.size() / least < *count)
    return detail::cut_short(*count * least, in.size());
  const auto headers = kafka::allocate_headers(*count, room);
  for (auto& h : headers) {
    auto name = take_text(in);
    if (!name)
      return std::move(name).error();
    auto value = take_nullable(in);
    if (!value)
      return std::move(value).error();
    std::construct_at(&h, *name, *value);
  }
  return headers;
}

} // namespace

void codec<kafka::record>::encode(const kafka::record& r, std::string& out) {
  std::optional<std::int64_t> stamp;
  if (r.timestamp)
    stamp = r.timestamp->time_since_epoch().count();
  codec<std::optional<std::string_view>>::encode(r.key, out);
  codec<std::optional<std::string_view>>::encode(r.value, out);
  codec<std::string_view>::encode(r.topic, out);
  codec<numbers>::encode({r.offset, stamp, r.partition, r.stamped_by}, out);
  codec<std::uint32_t>::encode(static_cast<std::uint32_t>(r.headers.size()), out);
  for (const auto& h : r.headers) {
    codec<std::string_view>::encode(h.name, out);
    codec<std::optional<std::string_view>>::encode(h.value, out);
  }
}

expected<kafka::record> codec<kafka::record>::decode(std::string_view& in, arena& room) {
  auto key = take_nullable(in);
  if (!key)
    return std::move(key).error();
  auto value = take_nullable(in);
  if (!value)
    return std::move(value).error();
  auto topic = take_text(in);
  if (!topic)
    return std::move(topic).error();
  auto rest = codec<numbers>::decode(in);
  if (!rest)
    return std::move(rest).error();
  auto headers = take_headers(in, room);
  if (!headers)
    return std::move(headers).error();
  kafka::record r{.key = *key, .value = *value, .topic = *topic};
  r.headers = *headers;
  std::optional<std::int64_t> stamp;
  std::tie(r.offset, stamp, r.partition, r.stamped_by) = *rest;
  if (stamp)
    r.timestamp = event_time(std::chrono::milliseconds(*stamp));
  return r;
}

} // namespace weir
