#include <weir/connectors/file/internal/file_receiver.hpp>

#include <weir/runtime/utf8.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace weir {

expected<void> file_receiver::open(const replica_context& context) {
  context_ = context;
  builder_.emplace(context.limits);
  return {};
}

expected<void> file_receiver::begin(const batch&, const source_batch& work) {
  abort();
  if (context_.index == 0)
    taken_over_ = told_->take_left_out();
  dropped_ = taken_over_;
  for (std::uint32_t i = context_.index; i < work.ranges.size(); i += context_.replicas)
    tasks_.push_back({partition_id(i), work.ranges[i].topic, work.ranges[i].count(),
                      told_->at(work.ranges[i].partition)});
  return {};
}

expected<received> file_receiver::receive(emitter& out) {
  while (!tasks_.empty()) {
    if (!file_)
      if (auto opened = open_next(); !opened)
        return std::move(opened).error();
    auto ended = fill_block();
    if (!ended)
      return std::move(ended).error();
    const auto partition = tasks_.front().partition;
    if (*ended) {
      measured_->add(static_cast<std::int64_t>(lines_seen_), tasks_.front().bytes);
      file_ = {};
      tasks_.pop_front();
    }
    if (auto lines = builder_->build()) {
      out.emit(partition, std::move(lines));
      return received::records;
    }
  }
  taken_over_ = 0;
  return received::complete;
}

expected<void> file_receiver::open_next() {
  lines_seen_ = 0;
  left_ = 0; // if it may be skipped, it is as good as empty
  cutter_.begin();
  const auto& next = tasks_.front();
  auto opened = from_.open_file(next.name);
  if (!opened)
    return unreadable(options_.unreadable_files, std::move(opened).error());
  file_ = std::move(*opened);
  if (!as_planned()) {
    leave_out(fmt::format("'{}': {}", path(), replaced_before_read));
    return {};
  }
  std::array<char, 4> bytes{};
  const auto got = ::pread(file_.get(), bytes.data(), bytes.size(), 0); // what fails, fails again
  const auto first = std::string_view(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0)
                         .substr(0, static_cast<std::size_t>(next.bytes));
  if (const auto foreign = foreign_encoding(first); !foreign.empty())
    return unreadable(options_.unreadable_files,
                      error(errc::encoding,
                            fmt::format("'{}' is {}; weir reads lines of UTF-8: convert the file, "
                                        "as by iconv -t UTF-8",
                                        path(), foreign)));
  const auto mark = static_cast<std::int64_t>(first.size() - without_mark(first).size());
  if (::lseek(file_.get(), mark, SEEK_SET) == mark) {
    left_ = next.bytes - mark;
    cutter_.begin(mark, quoting_of(next.name));
  }
  return {};
}

bool file_receiver::as_planned() const {
  const auto& planned = tasks_.front().planned;
  const auto state = directory::state_of(file_);
  if (!state || *state == planned.state)
    return true; // what cannot be asked will not be read either
  if (state->identity != planned.state.identity)
    return false;
  const auto print = directory::fingerprint(file_, planned.state.bytes);
  return !print || *print == planned.fingerprint; // one that was cut is found out by reading
}

std::optional<csv_quoting> file_receiver::quoting_of(std::string_view name) const {
  const bool csv = name.ends_with(".csv") || name.ends_with(".CSV");
  if (options_.quoted_lines == quoted_lines::cut ||
      (options_.quoted_lines == quoted_lines::by_name && !csv))
    return std::nullopt;
  return csv_quoting{.separator = options_.separator, .quote = options_.quote};
}

expected<bool> file_receiver::fill_block() {
  while (!builder_->full()) {
    if (left_ == 0)
      cutter_.finish();
    if (const auto line = cutter_.next()) {
      if (auto taken = take(*line); !taken)
        return std::move(taken).error();
    } else if (left_ == 0) {
      return true;
    } else if (auto got = read_piece(); !got) {
      return std::move(got).error();
    }
  }
  return false;
}

expected<void> file_receiver::take(const cut_line& line) {
  if (lines_seen_++ < options_.skip_lines)
    return {};
  if (!line.too_long) {
    builder_->push(builder_->bytes().copy(line.text), line.offset);
    return {};
  }
  return unreadable(options_.long_lines,
                    error(errc::decode, fmt::format("'{}': the line at byte {} has more than {} "
                                                    "bytes; raise max_line_bytes, or set "
                                                    "long_lines to skip",
                                                    path(), line.offset, options_.max_line_bytes)));
}

expected<void> file_receiver::read_piece() {
  auto room = cutter_.room();
  room = room.first(std::min(room.size(), static_cast<std::size_t>(left_)));
  ssize_t got = -1;
  do
    got = ::read(file_.get(), room.data(), room.size());
  while (got < 0 && errno == EINTR);
  if (got > 0) {
    cutter_.added(static_cast<std::size_t>(got));
    left_ -= got;
    return {};
  }
  const std::string reason = got < 0
                                 ? std::strerror(errno)
                                 : "it has been cut; files must appear whole and stay as they are";
  const auto at = tasks_.front().bytes - left_;
  left_ = 0;
  cutter_.begin(); // the line that is under way is not whole
  return unreadable(options_.unreadable_files,
                    error(errc::io, fmt::format("cannot read '{}' beyond byte {} of {}: {}", path(),
                                                at, tasks_.front().bytes, reason)));
}

expected<void> file_receiver::unreadable(unreadable_input policy, error reason) {
  if (policy == unreadable_input::fail)
    return reason;
  leave_out(reason.message());
  return {};
}

void file_receiver::leave_out(std::string_view reason) {
  if (dropped_++ == taken_over_) // one line per batch is enough
    context_.log(log_level::warning, fmt::format("left out: {}", reason));
}

std::string file_receiver::path() const { return from_.path() + "/" + tasks_.front().name; }

void file_receiver::abort() noexcept {
  told_->leave_out(std::exchange(taken_over_, 0));
  tasks_.clear();
  file_ = {};
  if (builder_)
    builder_->clear();
}

} // namespace weir
