#include <weir/runtime/write_ahead_log.hpp>

#include <weir/runtime/internal/wal_segment.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace weir {

using namespace wal;

namespace {

/// Gives its bytes back when there is no other room for what must be written before anything can be
/// deleted.
constexpr const char* reserve_name = "reserve";
constexpr std::size_t group_bytes = std::size_t{1} << 20; ///< Of a group of more than one frame.
constexpr std::size_t reserve_bytes = std::size_t{64} << 10;

error corrupt(const std::string& segment, std::size_t byte, std::string_view what) {
  return error(errc::decode,
               fmt::format("the write-ahead log is damaged in segment {} at byte {}: {}. Records "
                           "that were acknowledged are lost if it is used as it is; restore the "
                           "segment, or move the log away to start without its records",
                           segment, byte, what));
}

} // namespace

expected<write_ahead_log> write_ahead_log::open(std::unique_ptr<log_folder> folder,
                                                std::string stream, options with) {
  write_ahead_log log(std::move(folder), std::move(stream), with);
  if (auto recovered = log.recover(); !recovered)
    return std::move(recovered).error();
  return log;
}

expected<void> write_ahead_log::recover() {
  auto names = folder_->list();
  if (!names)
    return std::move(names).error();
  std::sort(names->begin(), names->end());
  std::vector<segment_content> found;
  for (const auto& name : *names) {
    has_reserve_ = has_reserve_ || name == reserve_name;
    const auto number = segment_number(name);
    if (!number)
      continue;
    next_segment_ = *number + 1;
    auto content = read_segment(*folder_, name, *number, stream_);
    if (!content)
      return std::move(content).error();
    if (!content->torn)
      return corrupt(name, content->bad_at,
                     "what is there is neither whole nor cut off by a crash");
    found.push_back(std::move(*content));
  }

  // A segment must reach to the first frame of the next one that has any. The last may be torn,
  // unless a frame behind the bad one knows that what is missing was durable.
  std::optional<std::uint64_t> expected_next;
  for (std::size_t i = 0; i < found.size(); ++i) {
    auto& s = found[i];
    const auto next = std::find_if(found.begin() + static_cast<std::ptrdiff_t>(i) + 1, found.end(),
                                   [](const auto& later) { return !later.frames.empty(); });
    const auto begins = s.frames.empty() ? expected_next : s.frames.front().sequence;
    if (expected_next && begins != expected_next)
      return corrupt(
          s.name, 0,
          fmt::format("it begins with frame {} instead of {}", begins.value_or(0), *expected_next));
    const auto bad = begins ? std::optional(*begins + s.frames.size()) : std::nullopt;
    const bool ends_early = s.bad_at < s.bytes.size() || s.bytes.empty();
    if (next != found.end()) {
      const auto follows = next->frames.front().sequence;
      // Without a frame before it, nothing but the first frame of all says that none is missing.
      if (bad.value_or(1) < follows)
        return corrupt(s.name, s.bad_at,
                       fmt::format("frames {} to {} are missing", bad.value_or(1), follows - 1));
      while (!s.frames.empty() && s.frames.back().sequence >= follows)
        s.frames.pop_back(); // they were not durable, and were written again
      expected_next = follows;
    } else if (ends_early) {
      const auto stated = stated_behind(s.bytes, s.bad_at);
      if (stated >= bad.value_or(1))
        return corrupt(s.name, s.bad_at,
                       fmt::format("frame {} is bad, but frames up to {} were durable",
                                   bad.value_or(1), stated));
      recovery_.torn_bytes += s.bytes.size() - s.bad_at;
      recovery_.torn_at = fmt::format("segment {} at byte {}", s.name, s.bad_at);
      auto removed =
          s.frames.empty() ? folder_->remove(s.name) : folder_->truncate(s.name, s.bad_at);
      if (!removed)
        return removed;
      expected_next = bad;
    } else {
      expected_next = bad;
    }
  }

  synced_ = expected_next.value_or(1) - 1;
  for (const auto& s : found) {
    segment kept{.name = s.name};
    for (const auto& f : s.frames) {
      if (f.type == frame_type::synced) {
        const auto said = decode_statement(f.payload);
        if (!said)
          return corrupt(s.name, 0, fmt::format("frame {} cannot be understood", f.sequence));
        unstated_ = false;
        complete_ = std::max(complete_, said->complete);
        synced_until_ = std::max(synced_until_, said->next);
        for (const auto& [stream, position] : said->origins)
          origins_[stream] = position;
        continue;
      }
      auto records = decode_records(f.payload);
      if (!records)
        return corrupt(s.name, 0, fmt::format("frame {} cannot be understood", f.sequence));
      unstated_ = true;
      kept.until = records->until();
      synced_until_ = std::max(synced_until_, records->until());
      if (!records->origin.stream.empty())
        origins_[records->origin.stream] = records->origin.position;
      recovery_.records.push_back(std::move(*records));
    }
    if (!s.frames.empty())
      segments_.push_back(std::move(kept));
    else
      (void)folder_->remove(s.name); // it was begun, and nothing in it was durable
  }
  std::erase_if(recovery_.records, [&](const auto& r) { return r.until() <= complete_; });
  synced_until_ = std::max(synced_until_, complete_);
  stated_complete_ = complete_;
  recovery_.origins = origins_;
  recovery_.next = synced_until_;
  recovery_.complete = complete_;
  keep_reserve();
  return {};
}

expected<void> write_ahead_log::append(const logged_records& records) {
  auto payload = encode(records);
  if (payload.size() > max_frame - frame_header)
    return error(errc::invalid_config,
                 fmt::format("{} records take {} bytes together; at most {} can be logged at once",
                             records.count, payload.size(), max_frame - frame_header));
  pending_bytes_ += payload.size();
  pending_.push_back({std::move(payload), records.until(), records.origin});
  return {};
}

void write_ahead_log::complete(std::int64_t until) { complete_ = std::max(complete_, until); }

expected<std::int64_t> write_ahead_log::sync() {
  if (!dirty())
    return synced_until_;
  do {
    auto written = write_group(frames_that_fit());
    if (!written && make_room())
      written = write_group(frames_that_fit());
    small_groups_ = !written.has_value();
    if (!written)
      return std::move(written).error();
  } while (!pending_.empty());
  delete_complete(stated_complete_);
  keep_reserve();
  return synced_until_;
}

/// As many as make a group; one where the disk has just refused a group.
std::size_t write_ahead_log::frames_that_fit() const {
  std::size_t count = 0;
  for (std::size_t bytes = 0; count < pending_.size() && (count == 0 || !small_groups_); ++count)
    if ((bytes += pending_[count].payload.size()) > group_bytes && count > 0)
      break;
  return count;
}

/// Writes the first `count` pending frames. What is in the file is not known when that has failed:
/// the next attempt takes a new one.
expected<void> write_ahead_log::write_group(std::size_t count) {
  if (auto written = try_to_write(count); !written) {
    const bool had_file = std::exchange(file_, nullptr) != nullptr;
    if (std::exchange(file_is_new_, false)) {
      if (folder_->remove(segments_.back().name))
        segments_.pop_back();
    } else if (had_file) { // gives room back
      (void)folder_->truncate(segments_.back().name, durable_bytes_);
    }
    return written;
  }
  durable_bytes_ = file_bytes_;
  unstated_ = count > 0;
  synced_ += 1 + count;
  for (; count > 0; --count) {
    const auto& first = pending_.front();
    synced_until_ = first.until;
    if (!first.origin.stream.empty())
      origins_[first.origin.stream] = first.origin.position;
    pending_bytes_ -= first.payload.size();
    pending_.pop_front();
  }
  segments_.back().until = synced_until_;
  return {};
}

expected<void> write_ahead_log::try_to_write(std::size_t count) {
  std::string frames;
  for (std::size_t n = 0; n < count; ++n)
    encode_frame(frame_type::records, synced_ + 2 + n, pending_[n].payload, frames);
  if (file_ && file_bytes_ + frames.size() > options_.segment_bytes)
    file_.reset();
  const bool begins = !file_;
  if (begins)
    if (auto begun = begin_segment(); !begun)
      return begun;
  std::string group; // its first frame says what is durable by now
  encode_frame(
      frame_type::synced, synced_ + 1,
      encode(statement{synced_, complete_, synced_until_, begins ? origins_ : origin_map()}),
      group);
  group += frames;
  if (auto written = file_->append(group); !written)
    return written;
  file_bytes_ += group.size();
  if (auto synced = file_->sync(file_is_new_); !synced)
    return synced;
  if (file_is_new_)
    if (auto synced = folder_->sync(); !synced)
      return synced;
  file_is_new_ = false;
  stated_complete_ = complete_;
  return {};
}

/// The disk may be full of records that are in complete batches. Deletes segments of such records
/// without having to say so first; and, when there is nothing else, all of them behind a new one
/// that says how far positions and origins have come, in the room of the reserve.
bool write_ahead_log::make_room() {
  const auto before = segments_.size();
  delete_complete(complete_);
  if (segments_.size() < before)
    return true;
  if (segments_.empty() || segments_.back().until > complete_)
    return false;
  (void)folder_->remove(reserve_name);
  has_reserve_ = false;
  const bool stated = write_group(0).has_value();
  if (stated)
    delete_complete(stated_complete_);
  keep_reserve();
  return stated;
}

/// As far as there is room: its bytes are no zeros, which some file systems would not store.
void write_ahead_log::keep_reserve() {
  if (has_reserve_)
    return;
  std::string bytes(reserve_bytes, '\0');
  std::minstd_rand noise;
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(noise() >> 8); });
  auto file = folder_->create(reserve_name);
  has_reserve_ = file && (*file)->append(bytes) && (*file)->sync(true);
  if (!has_reserve_)
    (void)folder_->remove(reserve_name);
}

expected<void> write_ahead_log::begin_segment() {
  const auto number = next_segment_++;
  const auto header = encode_header(stream_, number);
  auto file = folder_->create(segment_name(number));
  if (!file)
    return std::move(file).error();
  segments_.push_back({.name = segment_name(number), .until = synced_until_});
  file_ = std::move(*file);
  file_is_new_ = true;
  file_bytes_ = header.size();
  return file_->append(header);
}

void write_ahead_log::delete_complete(std::int64_t until) {
  // What cannot be deleted now is deleted some other time.
  if (segments_.empty())
    return;
  const auto last = segments_.end() - 1;
  const auto end = std::find_if(segments_.begin(), last, [&](const segment& s) {
    return s.until > until || !folder_->remove(s.name);
  });
  segments_.erase(segments_.begin(), end);
}

} // namespace weir
