// Lines from real TCP connections on this machine.
#include <weir/connectors/socket/socket_text_stream.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <thread>

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using weir::errc;
using texts = std::vector<std::string>;

namespace {

/// What the stream under test connects to.
class line_server {
public:
  line_server() : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {}

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void accept() { socket_ = acceptor_.accept(); }
  void send(std::string_view bytes) {
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()));
  }
  /// Sends as much as goes without waiting. @returns how much that was.
  std::size_t send_some(std::string_view bytes) {
    boost::system::error_code code;
    socket_.non_blocking(true);
    const auto sent = socket_.write_some(boost::asio::buffer(bytes.data(), bytes.size()), code);
    socket_.non_blocking(false);
    REQUIRE((!code || code == boost::asio::error::would_block));
    return sent;
  }
  void hang_up() { socket_.close(); }
  void reset() {
    socket_.set_option(boost::asio::socket_base::linger(true, 0));
    socket_.close();
  }
  /// Whether a client waits to be accepted.
  [[nodiscard]] bool is_called() {
    boost::system::error_code code;
    acceptor_.non_blocking(true);
    tcp::socket found = acceptor_.accept(code);
    acceptor_.non_blocking(false);
    if (!code)
      socket_ = std::move(found);
    return !code;
  }

private:
  boost::asio::io_context io_;
  tcp::acceptor acceptor_;
  tcp::socket socket_{io_};
};

struct socket_job {
  line_server server;
  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_table<std::string_view>> table =
      std::make_shared<weir::memory_table<std::string_view>>();
  std::vector<weir::error> errors;

  explicit socket_job(weir::socket_options options = {}, weir::test::run_mode how = {})
      : job(*weir::testing::stepped_job::make(weir::test::options_for(how))) {
    options.restarts.jitter = 0;
    weir::socket_text_stream(job.context(), "127.0.0.1", server.port(), std::move(options))
        .to(weir::memory_sink(table));
  }

  void step() {
    const auto report = job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    for (const auto& e : report->sources[0].errors)
      errors.push_back(e);
  }

  /// Runs batches until `done`, which real sockets bring about in their own time.
  bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 20'000; ++i) {
      if (done())
        return true;
      step();
      std::this_thread::sleep_for(500us);
    }
    return false;
  }
  bool has(std::size_t rows) {
    return until([&] { return table->rows().size() >= rows; });
  }
};

} // namespace

SCENARIO("lines come as they are sent, however they are cut on the way", "[connectors][socket]") {
  socket_job t({}, GENERATE(from_range(weir::test::every_mode())));
  t.step();
  t.server.accept();
  t.server.send("one\ntw");
  REQUIRE(t.has(1));
  t.server.send("o\r\n\nÄrger 🌊\nnot complete");
  REQUIRE(t.has(4));
  CHECK(t.table->rows() == texts{"one", "two", "", "Ärger 🌊"});
  CHECK(t.errors.empty());
}

SCENARIO("a connection that ends is made again after a while, and its last line counts",
         "[connectors][socket]") {
  socket_job t({}, GENERATE(from_range(weir::test::every_mode())));
  t.step();
  t.server.accept();
  t.server.send("one\nlast");
  const bool politely = GENERATE(true, false);
  if (politely) {
    t.server.hang_up();
  } else {
    REQUIRE(t.has(1));
    t.server.reset();
  }
  REQUIRE(t.until([&] { return t.server.is_called(); }));
  t.server.send("again\n");
  REQUIRE(t.has(politely ? 3 : 2));
  CHECK(t.table->rows() == (politely ? texts{"one", "last", "again"} : texts{"one", "again"}));
  REQUIRE_FALSE(t.errors.empty());
  CHECK(t.errors[0].code() == errc::io);
  CHECK_THAT(t.errors[0].message(), Catch::Contains("127.0.0.1:"));
}

SCENARIO("a server that is not there is tried again", "[connectors][socket]") {
  auto free = std::make_optional<line_server>();
  const auto port = free->port();
  free.reset();
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  weir::socket_text_stream(job.context(), "127.0.0.1", port,
                           {.push = {.name = "feed"}, .restarts = {.delay = 2s, .jitter = 0}})
      .for_each_batch([](const weir::batch_view<std::string_view>&) {});
  std::vector<weir::error> errors;
  for (int i = 0; i < 20'000 && errors.size() < 3; ++i) {
    const auto report = job.step();
    REQUIRE(report);
    CHECK(report->sources[0].name == "feed");
    errors.insert(errors.end(), report->sources[0].errors.begin(), report->sources[0].errors.end());
    std::this_thread::sleep_for(500us);
  }
  REQUIRE(errors.size() >= 3);
  CHECK_THAT(errors[0].message(), Catch::Contains("connect") && Catch::Contains("refused"));
  CHECK(job.context().stop());
}

SCENARIO("while there is no room the server has to wait", "[connectors][socket]") {
  socket_job t({.push = {.name = {}, .max_bytes = 256 * 1024}});
  t.step();
  t.server.accept();
  constexpr std::size_t most = 64 << 20;
  std::string line(1'000, 'x');
  line.back() = '\n';
  std::size_t sent = 0;
  // No batch runs meanwhile. A reader without a bound would take all of it.
  for (int idle = 0; idle < 100 && sent < most;) {
    const auto now = t.server.send_some(std::string_view(line).substr(sent % line.size()));
    sent += now;
    idle = now == 0 ? idle + 1 : 0;
    if (now == 0)
      std::this_thread::sleep_for(2ms);
  }
  REQUIRE(sent < most);
  THEN("everything comes once batches run") {
    std::thread rest([&] { t.server.send(std::string_view(line).substr(sent % line.size())); });
    const auto lines = sent / line.size() + 1;
    CHECK(t.has(lines));
    rest.join();
    line.pop_back();
    CHECK(t.table->rows() == texts(lines, line));
  }
  THEN("a stop does not wait") { CHECK(t.job.context().stop(30s, weir::stop_mode::abandon)); }
}

SCENARIO("lines that are too long or no text are left out and reported", "[connectors][socket]") {
  const auto policy = GENERATE(weir::invalid_utf8::replace, weir::invalid_utf8::refuse);
  socket_job t({.max_line_bytes = 8, .invalid_utf8 = policy});
  t.step();
  t.server.accept();
  t.server.send("12345678\n123456789\n");
  REQUIRE(t.until([&] { return t.errors.size() == 1; }));
  t.step(); // a second passes, in which no more is told
  t.server.send("\xff\xc3(\nend\n");
  const bool refuses = policy == weir::invalid_utf8::refuse;
  REQUIRE(t.has(refuses ? 2 : 3));
  REQUIRE(t.until([&] { return t.errors.size() == (refuses ? 2 : 1); }));
  CHECK(t.errors[0].code() == errc::decode);
  CHECK_THAT(t.errors[0].message(), Catch::Contains("byte 9:") && Catch::Contains("8 bytes"));
  if (refuses) {
    CHECK(t.table->rows() == texts{"12345678", "end"});
    CHECK(t.errors[1].code() == errc::encoding);
  } else {
    CHECK(t.table->rows() == texts{"12345678", "\uFFFD\uFFFD(", "end"});
  }
}

SCENARIO("lines can carry the time at which they came", "[connectors][socket]") {
  line_server server;
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  using timed = std::pair<weir::event_time, std::string_view>;
  auto table = std::make_shared<weir::memory_table<timed>>();
  weir::timed_socket_text_stream(job.context(), "127.0.0.1", server.port())
      .to(weir::memory_sink(table));
  REQUIRE(job.step());
  server.accept();
  const auto before = std::chrono::floor<std::chrono::milliseconds>(job.clock().now());
  server.send("line\n");
  for (int i = 0; i < 20'000 && table->rows().empty(); ++i) {
    REQUIRE(job.step());
    std::this_thread::sleep_for(500us);
  }
  REQUIRE(table->rows().size() == 1);
  CHECK(table->rows()[0].second == "line");
  CHECK(table->rows()[0].first >= before);
  CHECK(table->rows()[0].first <= std::chrono::floor<std::chrono::milliseconds>(job.clock().now()));
}

SCENARIO("a stop ends a connection that is silent, and a restart makes another",
         "[connectors][socket]") {
  socket_job t({}, GENERATE(from_range(weir::test::every_mode())));
  t.step();
  t.server.accept();
  REQUIRE(t.job.context().stop());
  t.step();
  t.server.accept();
  t.server.send("second run\n");
  REQUIRE(t.has(1));
  CHECK(t.table->rows() == texts{"second run"});
}

SCENARIO("a line limit of nothing is refused when the job starts", "[connectors][socket]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  weir::socket_text_stream(job.context(), "127.0.0.1", 1, {.max_line_bytes = 0})
      .for_each_batch([](const weir::batch_view<std::string_view>&) {});
  const auto started = job.context().start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(), Catch::Contains("max_line_bytes is 0"));
}
