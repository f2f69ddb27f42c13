#include "server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_body = 1'024;
constexpr auto patience = std::chrono::seconds(10); ///< For a request or an answer to pass.

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

response answer(const request& asked, http::status status, std::string text) {
  response r(status, asked.version());
  r.set(http::field::content_type, "text/plain");
  r.keep_alive(asked.keep_alive());
  r.body() = std::move(text) + "\n";
  return r;
}

response post_event(const request& asked, const service& behind) {
  if (!is_key(asked.body()))
    return answer(asked, http::status::bad_request, "the body must be a key");
  if (behind.post(asked.body()) == taken::yes)
    return answer(asked, http::status::accepted, "taken");
  // The graph has as much as it may hold: the client waits instead of this process's memory.
  auto r = answer(asked, http::status::service_unavailable, "no room; come again");
  r.set(http::field::retry_after, "1");
  return r;
}

response get_count(const request& asked, std::string_view key, const service& behind) {
  const auto count = is_key(key) ? behind.count(key) : std::nullopt;
  return count ? answer(asked, http::status::ok, std::to_string(*count))
               : answer(asked, http::status::not_found, "never seen");
}

response handle(const request& asked, const service& behind) {
  constexpr std::string_view counts = "/counts/";
  const std::string_view target(asked.target().data(), asked.target().size());
  if (asked.method() == http::verb::post && target == "/events")
    return post_event(asked, behind);
  if (asked.method() == http::verb::get && target.starts_with(counts))
    return get_count(asked, target.substr(counts.size()), behind);
  return answer(asked, http::status::not_found, "POST /events or GET /counts/<key>");
}

/// What a client hears whose request cannot be read; nullopt: nothing, e.g. when it has gone.
std::optional<http::status> refusal(const beast::error_code& unread, const request& so_far) {
  if (unread == http::error::body_limit)
    return http::status::payload_too_large;
  if (unread == http::error::header_limit)
    return so_far.target().empty() ? http::status::uri_too_long
                                   : http::status::request_header_fields_too_large;
  const beast::error_code of_http = http::error::bad_method;
  if (unread.category() != of_http.category() || unread == http::error::end_of_stream ||
      unread == http::error::partial_message)
    return std::nullopt;
  return http::status::bad_request;
}

} // namespace

http_server::http_server(asio::io_context& io, std::uint16_t port, service behind)
    : acceptor_(io, {asio::ip::address_v4::loopback(), port}), behind_(std::move(behind)) {
  asio::co_spawn(io, accept(), asio::detached);
}

void http_server::stop() {
  stopping_ = true;
  acceptor_.close();
}

asio::awaitable<void> http_server::accept() {
  while (!stopping_) {
    auto [failed, socket] = co_await acceptor_.async_accept(no_throw);
    if (!failed)
      asio::co_spawn(acceptor_.get_executor(), talk(std::move(socket)), asio::detached);
    else if (!stopping_) // e.g. too many open files: until others have gone
      co_await asio::steady_timer(acceptor_.get_executor(), std::chrono::milliseconds(100))
          .async_wait(no_throw);
  }
}

asio::awaitable<void> http_server::talk(tcp::socket to) {
  beast::tcp_stream stream(std::move(to));
  beast::flat_buffer buffer;
  for (bool go_on = true; go_on;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(max_body);
    stream.expires_after(patience);
    const auto [unread, read] = co_await http::async_read(stream, buffer, parser, no_throw);
    const auto refused = refusal(unread, parser.get());
    if (unread && !refused)
      break;
    auto reply = refused ? answer(parser.get(), *refused, "the request cannot be read")
                         : handle(parser.get(), behind_);
    reply.keep_alive(reply.keep_alive() && !refused && !stopping_);
    reply.prepare_payload();
    stream.expires_after(patience);
    const auto [unsent, sent] = co_await http::async_write(stream, reply, no_throw);
    go_on = !unsent && reply.keep_alive();
  }
  beast::error_code ignored;
  (void)stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  // To close on what a client still sends would take the answer away from it.
  stream.expires_after(std::chrono::seconds(1));
  for (bool more = true; more;) {
    const auto [ended, read] = co_await stream.async_read_some(buffer.prepare(4'096), no_throw);
    more = !ended;
  }
}
