#include <weir/connectors/socket/internal/line_connection.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace weir {

namespace asio = boost::asio;
using asio::ip::tcp;

line_connection::line_connection(std::string host, std::uint16_t port)
    : host_(std::move(host)), port_(fmt::to_string(port)) {}

template <class Start>
line_connection::error_code line_connection::finish(Start start) {
  error_code result = asio::error::operation_aborted;
  start([&result](const error_code& code, const auto&...) { result = code; });
  if (interrupted_) // its `close` may have come before there was anything to close
    socket_.close();
  io_.restart();
  io_.run();
  return result;
}

expected<void> line_connection::connect() {
  error_code code;
  // Asked on this thread: the asynchronous form would start one of its own.
  const auto found = tcp::resolver(io_).resolve(host_, port_, code);
  if (code)
    return failed("cannot look up", code);
  code = finish([&](auto then) {
    asio::async_connect(socket_, found,
                        [then](const error_code& c, const tcp::endpoint&) mutable { then(c); });
  });
  if (code)
    return failed("cannot connect to", code);
  // A server that vanished without a word is noticed after all.
  (void)socket_.set_option(asio::socket_base::keep_alive(true), code);
  return {};
}

expected<std::size_t> line_connection::read(std::span<char> to) {
  std::size_t count = 0;
  const auto code = finish([&](auto then) {
    socket_.async_read_some(asio::buffer(to.data(), to.size()),
                            [&count, then](const error_code& c, std::size_t got) mutable {
                              count = got;
                              then(c);
                            });
  });
  if (code && code != asio::error::eof)
    return failed("cannot read from", code);
  return count;
}

void line_connection::interrupt() {
  interrupted_ = true;
  asio::post(io_, [this] { socket_.close(); });
}

error line_connection::failed(std::string_view what, const error_code& code) const {
  return error(errc::io, fmt::format("{} {}:{}: {}", what, host_, port_, code.message()));
}

} // namespace weir
