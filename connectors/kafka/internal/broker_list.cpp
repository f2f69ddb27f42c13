#include <weir/connectors/kafka/internal/broker_list.hpp>

#include <weir/connectors/kafka/internal/names.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace weir::kafka {

namespace {

bool is_visible(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port > 0;
}

/// @param broker "host", "host:port", "[v6]:port", each perhaps behind "PROTOCOL://".
bool is_broker(std::string_view broker) {
  if (const auto protocol = broker.find("://"); protocol != broker.npos)
    broker.remove_prefix(protocol + 3);
  const auto bracket = broker.starts_with('[') ? broker.find(']') : 0;
  if (bracket == broker.npos)
    return false;
  const auto colon = broker.find(':', bracket);
  if (colon == broker.npos)
    return !broker.empty();
  if (bracket == 0 && broker.find(':', colon + 1) != broker.npos)
    return true; // an IPv6 address without brackets: librdkafka's to judge
  return colon > 0 && is_port(broker.substr(colon + 1));
}

} // namespace

expected<void> check_brokers(std::string_view brokers) {
  // As a whole: a password may hold what separates brokers.
  if (const auto hidden = credentials_in(brokers); !hidden.empty())
    return error(errc::invalid_config,
                 fmt::format("option `brokers` holds something before \"@{}\": a user and a "
                             "password do not belong there; write \"host:port\", and give them as "
                             "the properties sasl.username and sasl.password",
                             brokers.substr(hidden.size())));
  constexpr std::string_view separators = " ,";
  bool some = false;
  while (true) {
    brokers.remove_prefix(std::min(brokers.find_first_not_of(separators), brokers.size()));
    if (brokers.empty())
      break;
    const auto one = brokers.substr(0, brokers.find_first_of(separators));
    if (!std::ranges::all_of(one, is_visible) || !is_broker(one))
      return error(errc::invalid_config,
                   fmt::format("option `brokers`: \"{}\" is no broker; write \"host:port\" with a "
                               "port from 1 to 65535",
                               shown(one)));
    brokers.remove_prefix(one.size());
    some = true;
  }
  if (!some)
    return error(errc::invalid_config,
                 "option `brokers` is empty; name at least one as \"host:port\"");
  return {};
}

} // namespace weir::kafka
