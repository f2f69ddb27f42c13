#include <weir/runtime/write_ahead_log.hpp>

#include <weir/runtime/codec.hpp>

#include <boost/crc.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::string_view magic("WEIRWAL\n", 8);
constexpr std::uint16_t version = 1;
constexpr std::size_t frame_header = 4 + 1 + 1 + 8 + 4; ///< Up to the payload.
constexpr std::size_t crc_at = 4 + 1 + 1 + 8;

enum class frame_type : std::uint8_t {
  records = 1, ///< `logged_records`.
  synced = 2,  ///< First of each group: what is durable and complete so far.
};

using origin_map = std::map<std::string, std::int64_t, std::less<>>;

std::uint32_t crc32c(std::string_view one, std::string_view two = {}) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> sum;
  sum.process_bytes(one.data(), one.size());
  sum.process_bytes(two.data(), two.size());
  return sum.checksum();
}

template <class T>
void put(const T& value, std::string& out) {
  codec<T>::encode(value, out);
}

template <class T>
std::optional<T> get(std::string_view& in) {
  auto value = codec<T>::decode(in);
  if (!value)
    return std::nullopt;
  return std::move(*value);
}

std::string segment_name(std::uint64_t number) { return fmt::format("{:020}.wal", number); }

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".wal") ||
      name.substr(0, 20).find_first_not_of("0123456789") != name.npos)
    return std::nullopt;
  return std::stoull(std::string(name.substr(0, 20)));
}

std::string encode_header(const std::string& stream, std::uint64_t number) {
  std::string out(magic);
  put(version, out);
  put(stream, out);
  put(number, out);
  put(crc32c(out), out);
  return out;
}

void encode_frame(frame_type type, std::uint64_t sequence, std::string_view payload,
                  std::string& out) {
  const auto at = out.size();
  put(static_cast<std::uint32_t>(payload.size()), out);
  put(static_cast<std::uint8_t>(type), out);
  put(std::uint8_t{0}, out);
  put(sequence, out);
  put(crc32c(std::string_view(out).substr(at), payload), out);
  out += payload;
}

struct frame {
  frame_type type{};
  std::uint64_t sequence = 0;
  std::string_view payload;
  std::size_t size = 0; ///< With its header.
};

/// The frame at the front of `bytes`, if it is whole and undamaged.
std::optional<frame> frame_at(std::string_view bytes) {
  if (bytes.size() < frame_header)
    return std::nullopt;
  auto in = bytes;
  const auto length = *get<std::uint32_t>(in);
  const auto type = *get<std::uint8_t>(in);
  const auto flags = *get<std::uint8_t>(in);
  const auto sequence = *get<std::uint64_t>(in);
  const auto sum = *get<std::uint32_t>(in);
  if (length == 0 || length > write_ahead_log::max_frame - frame_header || length > in.size() ||
      flags != 0 || (type != 1 && type != 2))
    return std::nullopt;
  const auto payload = in.substr(0, length);
  if (crc32c(bytes.substr(0, crc_at), payload) != sum)
    return std::nullopt;
  return frame{static_cast<frame_type>(type), sequence, payload, frame_header + length};
}

struct statement {
  std::uint64_t synced = 0;  ///< Highest durable sequence when it was written.
  std::int64_t complete = 0; ///< Records before it are in complete batches.
  origin_map origins;        ///< In the first frame of a segment: those of all records before.
};

std::string encode(const statement& s) {
  std::string out;
  put(s.synced, out);
  put(s.complete, out);
  put(static_cast<std::uint32_t>(s.origins.size()), out);
  for (const auto& [stream, position] : s.origins) {
    put(stream, out);
    put(position, out);
  }
  return out;
}

std::optional<statement> decode_statement(std::string_view in) {
  const auto synced = get<std::uint64_t>(in);
  const auto complete = get<std::int64_t>(in);
  const auto count = get<std::uint32_t>(in);
  if (!synced || !complete || !count)
    return std::nullopt;
  statement s{*synced, *complete, {}};
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto stream = get<std::string>(in);
    const auto position = get<std::int64_t>(in);
    if (!stream || !position)
      return std::nullopt;
    s.origins.emplace(std::move(*stream), *position);
  }
  return s;
}

std::string encode(const logged_records& r) {
  std::string out;
  put(r.first, out);
  put(r.count, out);
  put(r.origin.stream, out);
  put(r.origin.position, out);
  out += r.bytes;
  return out;
}

std::optional<logged_records> decode_records(std::string_view in) {
  const auto first = get<std::int64_t>(in);
  const auto count = get<std::uint32_t>(in);
  auto stream = get<std::string>(in);
  const auto position = get<std::int64_t>(in);
  if (!first || !count || !stream || !position)
    return std::nullopt;
  return logged_records{*first, *count, {std::move(*stream), *position}, std::string(in)};
}

/// What one file holds, up to its first bad frame.
struct segment_content {
  std::string name;
  std::string bytes;         ///< On the heap when there are frames, so a move keeps it in place.
  std::vector<frame> frames; ///< Their sequences rise by one. Payloads point into `bytes`.
  std::size_t bad_at = 0;    ///< First byte behind the frames.
  bool bad_header = false;
};

expected<segment_content> read_segment(log_folder& folder, const std::string& name,
                                       const std::string& stream) {
  auto bytes = folder.read(name);
  if (!bytes)
    return std::move(bytes).error();
  segment_content found{.name = name, .bytes = std::move(*bytes), .frames = {}};
  std::string_view in = found.bytes;
  const bool named = in.starts_with(magic);
  in.remove_prefix(std::min(in.size(), magic.size()));
  const auto made_by = get<std::uint16_t>(in);
  const auto uid = made_by ? get<std::string>(in) : std::nullopt;
  const auto number = uid ? get<std::uint64_t>(in) : std::nullopt;
  const auto header = found.bytes.size() - in.size();
  const auto sum = number ? get<std::uint32_t>(in) : std::nullopt;
  if (!named || !sum || *sum != crc32c(std::string_view(found.bytes).substr(0, header))) {
    found.bad_header = true;
    return found;
  }
  if (*made_by != version)
    return error(errc::invalid_config,
                 fmt::format("{} has version {} of the format; this program reads {}", name,
                             *made_by, version));
  if (*uid != stream)
    return error(errc::invalid_config,
                 fmt::format("{} belongs to the stream '{}', not to '{}'", name, *uid, stream));
  found.bad_at = found.bytes.size() - in.size();
  while (const auto next = frame_at(std::string_view(found.bytes).substr(found.bad_at))) {
    if (!found.frames.empty() && next->sequence != found.frames.back().sequence + 1)
      break;
    found.frames.push_back(*next);
    found.bad_at += next->size;
  }
  return found;
}

/// The highest sequence that any undamaged frame at or behind `from` says was durable.
std::uint64_t stated_behind(std::string_view bytes, std::size_t from) {
  std::uint64_t highest = 0;
  while (from + frame_header <= bytes.size()) {
    const auto found = frame_at(bytes.substr(from));
    if (!found) {
      ++from; // where the next frame begins is not known: a length may be damaged
      continue;
    }
    if (found->type == frame_type::synced)
      if (const auto said = decode_statement(found->payload))
        highest = std::max(highest, said->synced);
    from += found->size;
  }
  return highest;
}

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
    const auto number = segment_number(name);
    if (!number)
      continue;
    next_segment_ = *number + 1;
    auto content = read_segment(*folder_, name, stream_);
    if (!content)
      return std::move(content).error();
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
    const bool ends_early = s.bad_at < s.bytes.size() || s.bad_header;
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
  group_until_ = synced_until_;
  stated_complete_ = complete_;
  recovery_.origins = origins_;
  recovery_.next = synced_until_;
  recovery_.complete = complete_;
  return {};
}

expected<void> write_ahead_log::append(const logged_records& records) {
  const auto payload = encode(records);
  if (payload.size() > max_frame - frame_header)
    return error(errc::invalid_config,
                 fmt::format("{} records take {} bytes together; at most {} can be logged at once",
                             records.count, payload.size(), max_frame - frame_header));
  // The group's first frame is written last: it says what is durable by then.
  encode_frame(frame_type::records, synced_ + 2 + group_frames_, payload, group_);
  ++group_frames_;
  group_until_ = records.until();
  if (!records.origin.stream.empty())
    new_origins_[records.origin.stream] = records.origin.position;
  return {};
}

void write_ahead_log::complete(std::int64_t until) { complete_ = std::max(complete_, until); }

expected<std::int64_t> write_ahead_log::sync() {
  if (!dirty())
    return synced_until_;
  if (auto written = write_group(); !written) {
    // What is in the file is not known any more: the next attempt takes a new one.
    file_.reset();
    if (std::exchange(file_is_new_, false) && folder_->remove(segments_.back().name))
      segments_.pop_back();
    return std::move(written).error();
  }
  unstated_ = group_frames_ > 0;
  synced_ += 1 + group_frames_;
  synced_until_ = group_until_;
  segments_.back().until = group_until_;
  group_.clear();
  group_frames_ = 0;
  for (const auto& [stream, position] : std::exchange(new_origins_, {}))
    origins_[stream] = position;
  delete_complete();
  return synced_until_;
}

expected<void> write_ahead_log::write_group() {
  if (file_ && file_bytes_ + group_.size() > options_.segment_bytes)
    file_.reset();
  const bool begins = !file_;
  if (begins)
    if (auto begun = begin_segment(); !begun)
      return begun;
  std::string first;
  encode_frame(frame_type::synced, synced_ + 1,
               encode(statement{synced_, complete_, begins ? origins_ : origin_map()}), first);
  for (const std::string_view bytes : {std::string_view(first), std::string_view(group_)}) {
    if (auto written = file_->append(bytes); !written)
      return written;
    file_bytes_ += bytes.size();
  }
  if (auto synced = file_->sync(file_is_new_); !synced)
    return synced;
  if (std::exchange(file_is_new_, false))
    if (auto synced = folder_->sync(); !synced)
      return synced;
  stated_complete_ = complete_;
  return {};
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

void write_ahead_log::delete_complete() {
  // What cannot be deleted now is deleted some other time.
  const auto last = segments_.end() - 1;
  const auto end = std::find_if(segments_.begin(), last, [&](const segment& s) {
    return s.until > stated_complete_ || !folder_->remove(s.name);
  });
  segments_.erase(segments_.begin(), end);
}

} // namespace weir
