// The HTTP side of the service. Knows nothing of weir. Next: server.cpp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// What became of an event.
enum class taken { yes, later, never };

/// What the server asks the rest of the program.
struct service {
  std::function<taken(std::string event)> post;
  std::function<std::optional<std::int64_t>(std::string_view key)> count;
};

/// Answers, on the thread that runs the io_context,
///
///     POST /events         body: a key     202; 503 with Retry-After when there is no room now
///     GET  /counts/<key>                   200 and the number; 404 for a key never seen
///
/// on 127.0.0.1 alone. Keys are 1 to 64 characters of A-Z a-z 0-9 _ and -.
class http_server {
public:
  /// @param port 0: any that is free. @throws boost::system::system_error when it is taken.
  http_server(boost::asio::io_context& io, std::uint16_t port, service behind);

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// Takes no new connection, and ends each one after the answer under way.
  void stop();

private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> talk(boost::asio::ip::tcp::socket to);

  boost::asio::ip::tcp::acceptor acceptor_;
  service behind_;
  bool stopping_ = false;
};
