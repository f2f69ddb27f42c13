#include <weir/connectors/socket/socket_text_stream.hpp>

#include <weir/connectors/internal/line_cutter.hpp>
#include <weir/connectors/push/receiver.hpp>
#include <weir/connectors/socket/internal/line_connection.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace weir {
namespace {

/// Where lines come from, and what they become.
struct line_source {
  std::string host;
  std::uint16_t port = 0;
  std::size_t max_line_bytes = 0;
  weir::invalid_utf8 invalid_utf8{};
  std::shared_ptr<clock> time;
};

std::string_view record_of(std::string_view line, const clock&, std::string_view*) { return line; }

std::pair<event_time, std::string_view> record_of(std::string_view line, const clock& time,
                                                  std::pair<event_time, std::string_view>*) {
  return {std::chrono::floor<std::chrono::milliseconds>(time.now()), line};
}

/// Connects and reads on a thread of its own; each start makes a new connection.
template <class Record>
class line_receiver final : public push_receiver<Record> {
public:
  explicit line_receiver(line_source from) : from_(std::move(from)) {}

  expected<void> on_start(receiver_handle<Record> to) override {
    connection_ = std::make_unique<line_connection>(from_.host, from_.port);
    to.run([this, to](const std::stop_token& stop) mutable {
      auto ended = read_lines(to);
      if (!ended && !stop.stop_requested())
        to.restart(std::move(ended).error());
    });
    return {};
  }

  void on_stop() override {
    if (connection_)
      connection_->interrupt();
  }

private:
  /// @returns why there is nothing more to read; nothing when the job takes no more.
  expected<void> read_lines(receiver_handle<Record>& to) {
    if (auto connected = connection_->connect(); !connected)
      return connected;
    line_cutter lines(from_.max_line_bytes);
    while (true) {
      const auto got = connection_->read(lines.room());
      if (!got)
        return got.error();
      lines.added(*got);
      if (*got == 0)
        lines.finish();
      for (auto line = lines.next(); line; line = lines.next())
        if (!take(to, *line))
          return {};
      if (*got != 0)
        continue;
      return error(errc::io, fmt::format("{}:{} has ended the connection", from_.host, from_.port));
    }
  }

  /// @returns false when the job takes no more records.
  bool take(receiver_handle<Record>& to, const cut_line& line) {
    if (line.too_long) {
      leave_out(
          to, line, errc::decode,
          fmt::format("it has more than {} bytes; raise max_line_bytes", from_.max_line_bytes));
      return true;
    }
    auto text = line.text;
    if (!is_utf8(text)) {
      if (from_.invalid_utf8 == invalid_utf8::refuse) {
        leave_out(to, line, errc::encoding, "it is not UTF-8; set invalid_utf8 to replace");
        return true;
      }
      repaired_.clear();
      append_as_utf8(text, repaired_);
      text = repaired_;
    }
    auto stored = to.store(record_of(text, *from_.time, static_cast<Record*>(nullptr)));
    if (stored || stored.error().code() == errc::stopped)
      return stored.has_value();
    leave_out(to, line, stored.error().code(), stored.error().message());
    return true;
  }

  /// Tells at most once per second, whatever a server sends.
  void leave_out(receiver_handle<Record>& to, const cut_line& line, errc code,
                 std::string_view reason) {
    const auto now = from_.time->steady_now();
    ++left_out_;
    if (told_ && now - *told_ < std::chrono::seconds(1))
      return;
    told_ = now;
    to.report_error(
        error(code, fmt::format("{} lines from {}:{} are left out, the last at byte {}: "
                                "{}",
                                std::exchange(left_out_, 0), from_.host, from_.port, line.offset,
                                reason)));
  }

  line_source from_;
  std::unique_ptr<line_connection> connection_;
  std::string repaired_;
  std::uint64_t left_out_ = 0; ///< And not told.
  std::optional<steady_time> told_;
};

template <class Record>
stream<Record> lines_of(context& to, std::string host, std::uint16_t port, socket_options options,
                        std::source_location where) {
  if (options.push.name.empty())
    options.push.name = fmt::format("socket({}:{})", host, port);
  const auto& time = to.options().clock;
  line_source from{.host = std::move(host),
                   .port = port,
                   .max_line_bytes = std::max<std::size_t>(1, options.max_line_bytes),
                   .invalid_utf8 = options.invalid_utf8,
                   .time = time ? time : system_clock()};
  if (options.max_line_bytes < 1)
    to.composed()->graph.add_mistake(
        error(errc::invalid_config, "socket_options.max_line_bytes is 0, but must be >= 1")
            .at(where));
  return receiver_stream<Record>(
      to, [from](std::uint32_t) { return std::make_unique<line_receiver<Record>>(from); },
      {.push = std::move(options.push), .restarts = options.restarts}, where);
}

} // namespace

stream<std::string_view> socket_text_stream(context& to, std::string host, std::uint16_t port,
                                            socket_options options, std::source_location where) {
  return lines_of<std::string_view>(to, std::move(host), port, std::move(options), where);
}

stream<std::pair<event_time, std::string_view>>
timed_socket_text_stream(context& to, std::string host, std::uint16_t port, socket_options options,
                         std::source_location where) {
  return lines_of<std::pair<event_time, std::string_view>>(to, std::move(host), port,
                                                           std::move(options), where);
}

} // namespace weir
