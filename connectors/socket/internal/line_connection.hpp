// A TCP connection that one thread reads and another may interrupt. Used by socket_text_stream.cpp.
#pragma once

#include <weir/runtime/expected.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

namespace weir {

/// Threads: `connect` and `read` belong to one; `interrupt` comes from any.
class line_connection {
public:
  line_connection(std::string host, std::uint16_t port);

  /// @returns errc::io naming host, port and the reason.
  expected<void> connect();

  /// Waits for bytes. @returns how many there are, 0 at the end of the stream; or errc::io.
  expected<std::size_t> read(std::span<char> to);

  /// Ends the call under way and every later one with an error, as soon as they are waiting for the
  /// network.
  void interrupt();

private:
  using error_code = boost::system::error_code;

  /// Starts an operation with a handler, and runs it to its end on this thread.
  template <class Start>
  error_code finish(Start start);
  [[nodiscard]] error failed(std::string_view what, const error_code& code) const;

  const std::string host_;
  const std::string port_;
  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::socket socket_{io_};
  std::atomic<bool> interrupted_{false};
};

} // namespace weir
