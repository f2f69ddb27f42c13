#include "terminal.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

namespace impressions {

namespace {

bool smart_terminal(int file) {
  const char* kind = std::getenv("TERM");
  return ::isatty(file) == 1 && kind && std::string_view(kind) != "dumb";
}

bool wants_colour(colour when) {
  if (when != colour::automatic)
    return when == colour::always;
  const char* no = std::getenv("NO_COLOR");
  return smart_terminal(STDOUT_FILENO) && !(no && *no);
}

} // namespace

terminal::terminal(colour when)
    : colour_(wants_colour(when)), progress_(smart_terminal(STDERR_FILENO)) {}

std::string terminal::paint(std::string_view code, std::string_view text) const {
  return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void terminal::print(std::string_view text) {
  std::lock_guard guard(mutex_);
  if (!shown_.empty())
    fmt::print(stderr, "\r\x1b[K");
  const auto line = fmt::format("{}\n", text);
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0)
    written_ = false;
  if (!shown_.empty())
    fmt::print(stderr, "{}", shown_);
}

void terminal::line(std::string_view text) { print(text); }
void terminal::heading(std::string_view text) { print(paint("1", text)); }

void terminal::progress(std::string_view text) {
  if (!progress_)
    return;
  std::lock_guard guard(mutex_);
  shown_ = paint("2", text);
  fmt::print(stderr, "\r\x1b[K{}", shown_);
}

void terminal::clear() {
  std::lock_guard guard(mutex_);
  if (!shown_.empty())
    fmt::print(stderr, "\r\x1b[K");
  shown_.clear();
}

void terminal::table_head() {
  constexpr auto columns = "{:>7}  {:>8}  {:>8}  {:>8}  {:>10}  {:>10}  {:>7}  {:>9}";
  heading(fmt::format(columns, "time", "input", "limit", "records", "scheduling", "processing",
                      "total", "lag"));
  line(paint("2",
             fmt::format(columns, "s", "1/s", "1/s", "", "delay ms", "time ms", "ms", "records")));
}

void terminal::row(const batch_figures& batch, weir::wall_time since, weir::duration late) {
  const auto delay = fmt::format("{:>10}", milliseconds(batch.scheduling_delay));
  line(fmt::format("{:>7.1f}  {:>8}  {:>8}  {:>8}  {}  {:>10}  {:>7}  {:>9}",
                   weir::seconds_of(batch.time - since), grouped(batch.input_rate),
                   batch.limit ? grouped(*batch.limit) : "none",
                   grouped(static_cast<std::int64_t>(batch.records)),
                   batch.scheduling_delay > late ? paint("31", delay) : delay,
                   milliseconds(batch.processing_time), milliseconds(batch.total_delay()),
                   grouped(batch.lag)));
}

void terminal::offset_table(const std::vector<weir::offset_range>& ranges) {
  heading(fmt::format("{:<24}  {:>9}  {:>10}  {:>10}  {:>8}  {:>8}", "topic", "partition", "from",
                      "until", "records", "lag"));
  std::int64_t records = 0;
  std::int64_t lag = 0;
  for (const auto& r : ranges) {
    line(fmt::format("{:<24}  {:>9}  {:>10}  {:>10}  {:>8}  {:>8}", r.topic, r.partition,
                     grouped(r.from), grouped(r.until), grouped(r.count()), grouped(r.lag())));
    records += r.count();
    lag += r.lag();
  }
  line(fmt::format("{:<24}  {:>9}  {:>10}  {:>10}  {:>8}  {:>8}", "all", ranges.size(), "", "",
                   grouped(records), grouped(lag)));
}

} // namespace impressions
