#include <weir/connectors/file/internal/file_receiver.hpp>

#include <fmt/format.h>

#include <algorithm>
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
  dropped_ = 0;
  for (std::uint32_t i = context_.index; i < work.ranges.size(); i += context_.replicas)
    tasks_.push_back({partition_id(i), work.ranges[i].topic, work.ranges[i].count()});
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
  return received::complete;
}

expected<void> file_receiver::open_next() {
  cutter_.clear();
  lines_seen_ = 0;
  left_ = tasks_.front().bytes;
  auto opened = from_.open_file(tasks_.front().name);
  if (opened) {
    file_ = std::move(*opened);
    return {};
  }
  left_ = 0; // if it may be skipped, it is as good as empty
  return unreadable(options_.unreadable_files, std::move(opened).error());
}

expected<bool> file_receiver::fill_block() {
  while (!builder_->full()) {
    auto line = cutter_.next();
    const bool at_end = !line && left_ == 0;
    if (at_end)
      line = cutter_.last();
    if (line) {
      if (auto taken = take(*line); !taken)
        return std::move(taken).error();
    } else if (!at_end) {
      if (auto got = read_piece(); !got)
        return std::move(got).error();
    }
    if (at_end)
      return true;
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
  cutter_.clear(); // the line that is under way is not whole
  return unreadable(options_.unreadable_files,
                    error(errc::io, fmt::format("cannot read '{}' beyond byte {} of {}: {}", path(),
                                                at, tasks_.front().bytes, reason)));
}

expected<void> file_receiver::unreadable(unreadable_input policy, error reason) {
  if (policy == unreadable_input::fail)
    return reason;
  if (dropped_++ == 0) // one line per batch is enough
    context_.log(log_level::warning, "left out: " + reason.message());
  return {};
}

std::string file_receiver::path() const { return from_.path() + "/" + tasks_.front().name; }

void file_receiver::abort() noexcept {
  tasks_.clear();
  file_ = {};
  if (builder_)
    builder_->clear();
}

} // namespace weir
