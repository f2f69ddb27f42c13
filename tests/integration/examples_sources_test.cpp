// Every example that reads from elsewhere than Kafka does what its first line says.
#include "examples_process.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <tests/support/scratch_directory.hpp>

#include <csignal>
#include <thread>

using boost::asio::ip::tcp;
namespace http = boost::beast::http;
using namespace weir::testing_support;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

SCENARIO("host_driven: answers each line before it takes the next", "[examples]") {
  example program("host_driven", {"to be or not", "that is the question"});
  CHECK(program.wait(30s) == 0);
  CHECK(program.out() == "that 4\nquestion 8\n2 words\n");
  CHECK(program.err() == "");
}

SCENARIO("event_time_windows: counts in windows of the records' own time", "[examples]") {
  example program("event_time_windows");
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
  CHECK(program.out() == "from 12:00:00 /news 2\n"
                         "from 12:00:00 /shop 1\n"
                         "from 12:00:10 /news 1\n"
                         "from 12:00:10 /shop 1\n"
                         "the window from 12:00:20 is still open\n");
}

SCENARIO("watch_directory: counts the words of files that appear", "[examples]") {
  const weir::test::scratch_directory dir;
  dir.add("first.txt", "to be or\nnot to be\n");
  example program("watch_directory", {dir.text()});
  CHECK(program.prints("(to,2)\n", 30s));
  CHECK_THAT(program.out(), Contains("(be,2)\n") && Contains("(or,1)\n") && Contains("(not,1)\n"));
  dir.add("other.csv", "no");
  dir.add("second.txt", "that is the question");
  CHECK(program.prints("(question,1)\n", 30s));
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
  CHECK_THAT(program.out(), !Contains("(no,1)"));
}

SCENARIO("push_receiver: a device that fails is opened again, and nothing is lost", "[examples]") {
  example program("push_receiver");
  CHECK(program.wait(30s) == 0);
  CHECK(program.last_line() == "1000 readings, the device was opened 2 times");
}

SCENARIO("watch_directory: says what is wrong and fails", "[examples]") {
  example without("watch_directory");
  CHECK(without.wait(30s) == 2);
  CHECK_THAT(without.err(), Contains("usage"));
  example nowhere("watch_directory", {"/not/there"});
  CHECK(nowhere.wait(30s) == 1);
  CHECK_THAT(nowhere.err(), Contains("'/not/there'"));
}

SCENARIO("socket_word_count: counts the words of lines that a server sends", "[examples]") {
  boost::asio::io_context io;
  tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  example program("socket_word_count",
                  {"127.0.0.1", fmt::to_string(acceptor.local_endpoint().port())});
  const auto send = [&](std::string_view text) {
    auto to = acceptor.accept();
    boost::asio::write(to, boost::asio::buffer(text.data(), text.size()));
  };
  send("to be or not to be\n");
  CHECK(program.prints("(to,2)\n", 30s));
  send("that is the question\n"); // it has connected again
  CHECK(program.prints("(question,1)\n", 30s));
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.err() == "");
}

namespace {

/// Talks HTTP to a server on this machine, on one connection.
class http_client {
public:
  explicit http_client(std::uint16_t port) {
    stream_.connect({boost::asio::ip::address_v4::loopback(), port});
  }

  http::response<http::string_body> ask(http::verb verb, std::string_view target,
                                        std::string body = {}) {
    http::request<http::string_body> request(verb, target, 11, std::move(body));
    request.prepare_payload();
    stream_.expires_after(30s);
    http::write(stream_, request);
    http::response<http::string_body> response;
    http::read(stream_, buffer_, response);
    return response;
  }
  auto post(std::string event) { return ask(http::verb::post, "/events", std::move(event)); }
  auto count(std::string_view key) { return ask(http::verb::get, "/counts/" + std::string(key)); }

private:
  boost::asio::io_context io_;
  boost::beast::tcp_stream stream_{io_};
  boost::beast::flat_buffer buffer_;
};

std::uint16_t port_of(example& program) {
  const std::string text = "listening on 127.0.0.1:";
  REQUIRE(program.prints(text, 30s));
  const auto out = program.out();
  return static_cast<std::uint16_t>(std::stoi(out.substr(out.find(text) + text.size())));
}

} // namespace

SCENARIO("http_service: requests feed the graph, and it answers them", "[examples]") {
  example program("http_service", {"0"});
  http_client client(port_of(program));
  for (const auto* event : {"tea", "coffee", "tea"})
    CHECK(client.post(event).result() == http::status::accepted);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (client.count("tea").body() != "2\n" && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(10ms);
  CHECK(client.count("tea").body() == "2\n");
  CHECK(client.count("coffee").body() == "1\n");
  CHECK(client.count("milk").result() == http::status::not_found);
  CHECK(client.post("no key!").result() == http::status::bad_request);
  CHECK(client.ask(http::verb::get, "/").result() == http::status::not_found);
  WHEN("it is stopped") {
    CHECK(client.post("tea").result() == http::status::accepted);
    program.signal(GENERATE(SIGINT, SIGTERM));
    THEN("what it has accepted is counted first") {
      CHECK(program.wait(30s) == 0);
      CHECK(program.last_line() == "4 events counted");
      CHECK(program.err() == "");
    }
  }
}

SCENARIO("http_service: a request that cannot be read is answered", "[examples]") {
  example program("http_service", {"0"});
  const auto port = port_of(program);
  const auto status = [&](const std::string& bytes) {
    boost::asio::io_context io;
    tcp::socket to(io);
    to.connect({boost::asio::ip::address_v4::loopback(), port});
    boost::system::error_code ignored; // it may be refused before all is sent
    boost::asio::write(to, boost::asio::buffer(bytes), ignored);
    boost::beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(to, buffer, response);
    CHECK_FALSE(response.keep_alive());
    return response.result_int();
  };
  const auto sized = [](const std::string& length) {
    return "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: " + length + "\r\n\r\n";
  };
  CHECK(status("garbage\r\n\r\n") == 400);
  CHECK(status(sized("-1")) == 400);
  CHECK(status(sized("99999999999")) == 413);
  CHECK(status("GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n") == 414);
  CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n") == 431);
  http_client client(port);
  CHECK(client.post("tea").result() == http::status::accepted);
}

SCENARIO("http_service: without room a client is told to come again", "[examples]") {
  example program("http_service", {"0", "2"});
  http_client client(port_of(program));
  // Two events fill it until their batch is complete, so some request in a row finds no room.
  int accepted = 0;
  bool refused = false;
  for (int i = 0; i < 10'000 && !refused; ++i) {
    const auto response = client.post("tea");
    refused = response.result() == http::status::service_unavailable;
    accepted += response.result() == http::status::accepted;
    if (refused)
      CHECK(response[http::field::retry_after] == "1");
  }
  CHECK(refused);
  bool again = false;
  for (const auto deadline = std::chrono::steady_clock::now() + 30s;
       !again && std::chrono::steady_clock::now() < deadline;)
    again = client.post("tea").result() == http::status::accepted;
  CHECK(again);
  program.signal(SIGINT);
  CHECK(program.wait(30s) == 0);
  CHECK(program.last_line() == fmt::format("{} events counted", accepted + 1));
}
