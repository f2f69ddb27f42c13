// Lines of text from a TCP connection. Next on the data path: internal/line_connection.hpp, then
// connectors/push/push_buffer.hpp.
#pragma once

#include <weir/connectors/push/options.hpp>
#include <weir/operators/stream.hpp>
#include <weir/runtime/context.hpp>
#include <weir/runtime/utf8.hpp>

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

struct socket_options {
  std::size_t max_line_bytes = std::size_t{1} << 20; ///< >= 1, without the end of the line.
  weir::invalid_utf8 invalid_utf8 = weir::invalid_utf8::replace;
  push_options push{.name = {}}; ///< An empty name stands for "socket(host:port)".
  restart_options restarts{};    ///< After the connection has ended, or could not be made.
};

/// Lines of UTF-8 text, without "\n" or "\r\n", that a server sends. A record is a view into its
/// block; the stream has one partition, in the order of arrival.
///
/// The receiver connects when the job starts. When the connection ends or fails it connects again,
/// by `restarts`. Lines beyond `max_line_bytes`, and those that `invalid_utf8` refuses, are left
/// out and told to log and batch report. While there is no room for more it does not read, so TCP
/// makes the server wait. At most once: what was received and is not in a complete batch when the
/// process ends is lost, unless `push.write_ahead_log` is set.
///
///     weir::socket_text_stream(*ctx, "localhost", 9999)
///
/// @param host a name or an address. Names are looked up anew for each connection; a stop waits for
/// a lookup that is under way.
[[nodiscard]] stream<std::string_view>
socket_text_stream(context& to, std::string host, std::uint16_t port, socket_options options = {},
                   std::source_location where = std::source_location::current());

/// The same, each line with the time at which it was received, by the context's clock.
[[nodiscard]] stream<std::pair<event_time, std::string_view>>
timed_socket_text_stream(context& to, std::string host, std::uint16_t port,
                         socket_options options = {},
                         std::source_location where = std::source_location::current());

} // namespace weir
