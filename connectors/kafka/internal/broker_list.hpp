// The option `brokers` of everything that talks to Kafka.
#pragma once

#include <weir/runtime/expected.hpp>

#include <string_view>

namespace weir::kafka {

/// Checks "host:port,host:port"; a port may be left out, and is 1 to 65535 where it is not.
/// librdkafka would take any number modulo 65536, and an empty host for localhost.
/// Credentials do not belong there, and are not repeated in the error.
/// @returns errc::invalid_config naming the broker that is none.
expected<void> check_brokers(std::string_view brokers);

} // namespace weir::kafka
