#include <weir/runtime/internal/wal_segment.hpp>

#include <weir/runtime/codec.hpp>
#include <weir/runtime/internal/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::wal {
namespace {

constexpr std::string_view magic("WEIRWAL\n", 8);
constexpr std::uint16_t version = 2;
constexpr std::size_t header_crc_at = 4 + 1 + 1 + 8;

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

/// What is at a place where a frame should begin.
enum class finding : std::uint8_t {
  whole,     ///< A frame.
  cut_short, ///< The bytes end before it does.
  damaged,   ///< A checksum is wrong.
};

struct found_frame {
  finding what{};
  wal::frame frame{};
  std::size_t expected = frame_header; ///< Its size, as far as is known.
};

found_frame look_at(std::string_view bytes) {
  if (bytes.size() < frame_header)
    return {finding::cut_short};
  auto in = bytes;
  const auto length = *get<std::uint32_t>(in);
  const auto type = *get<std::uint8_t>(in);
  const auto flags = *get<std::uint8_t>(in);
  const auto sequence = *get<std::uint64_t>(in);
  const auto header_sum = *get<std::uint32_t>(in);
  const auto payload_sum = *get<std::uint32_t>(in);
  if (length == 0 || length > write_ahead_log::max_frame - frame_header || flags != 0 ||
      (type != 1 && type != 2) || crc32c(bytes.substr(0, header_crc_at)) != header_sum)
    return {finding::damaged};
  const auto size = frame_header + length;
  if (length > in.size())
    return {finding::cut_short, {}, size};
  const auto payload = in.substr(0, length);
  if (crc32c(payload) != payload_sum)
    return {finding::damaged, {}, size};
  return {finding::whole, {static_cast<frame_type>(type), sequence, payload, size}, size};
}

/// The frame at the front of `bytes`, if it is whole and undamaged.
std::optional<frame> frame_at(std::string_view bytes) {
  const auto found = look_at(bytes);
  return found.what == finding::whole ? std::optional(found.frame) : std::nullopt;
}

/// Whether a sector that reaches into [from, until) was never written: it reads as zeros from
/// `from`, or from its beginning, to its end. Disks write sectors whole and in any order. A few
/// zeros may be anybody's.
bool has_hole(std::string_view bytes, std::size_t from, std::size_t until) {
  constexpr std::size_t sector = 512;
  constexpr std::size_t least = 8;
  until = std::min(until, bytes.size());
  for (auto at = from; at < until; at = (at / sector + 1) * sector) {
    const auto end = std::min((at / sector + 1) * sector, bytes.size());
    if (end - at >= least && bytes.substr(at, end - at).find_first_not_of('\0') == bytes.npos)
      return true;
  }
  return false;
}

/// @returns errc::invalid_config when the header is that of another version or stream.
expected<void> check_header(std::string_view bytes, const std::string& name,
                            const std::string& stream) {
  auto in = bytes;
  if (!in.starts_with(magic))
    return {};
  in.remove_prefix(magic.size());
  const auto made_by = get<std::uint16_t>(in);
  const auto uid = made_by ? get<std::string>(in) : std::nullopt;
  const auto number = uid ? get<std::uint64_t>(in) : std::nullopt;
  const auto size = bytes.size() - in.size();
  const auto sum = number ? get<std::uint32_t>(in) : std::nullopt;
  if (!sum || *sum != crc32c(bytes.substr(0, size)))
    return {};
  if (*made_by != version)
    return error(errc::invalid_config,
                 fmt::format("{} has version {} of the format; this program reads {}: let the "
                             "program that wrote it finish its records",
                             name, *made_by, version));
  if (*uid != stream)
    return error(errc::invalid_config,
                 fmt::format("{} belongs to the stream '{}', not to '{}'", name, *uid, stream));
  return {};
}

} // namespace

std::string segment_name(std::uint64_t number) { return fmt::format("{:020}.wal", number); }

std::optional<std::uint64_t> segment_number(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".wal") ||
      name.substr(0, 20).find_first_not_of("0123456789") != name.npos)
    return std::nullopt;
  std::uint64_t number = 0;
  if (std::from_chars(name.data(), name.data() + 20, number).ec != std::errc())
    return std::nullopt; // beyond 64 bits: none of ours
  return number;
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
  put(crc32c(std::string_view(out).substr(at)), out);
  put(crc32c(payload), out);
  out += payload;
}

std::string encode(const statement& s) {
  std::string out;
  put(s.synced, out);
  put(s.complete, out);
  put(s.next, out);
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
  const auto next = get<std::int64_t>(in);
  const auto count = get<std::uint32_t>(in);
  if (!synced || !complete || !next || !count)
    return std::nullopt;
  statement s{*synced, *complete, *next, {}};
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

expected<segment_content> read_segment(log_folder& folder, const std::string& name,
                                       std::uint64_t number, const std::string& stream) {
  auto bytes = folder.read(name);
  if (!bytes)
    return std::move(bytes).error();
  segment_content found{.name = name, .bytes = std::move(*bytes), .frames = {}};
  const std::string_view all = found.bytes;
  const auto header = encode_header(stream, number);
  if (!all.starts_with(header)) {
    if (auto ours = check_header(all, name, stream); !ours)
      return std::move(ours).error();
    found.torn = header.starts_with(all) || has_hole(all, 0, header.size());
    return found;
  }
  found.bad_at = header.size();
  while (found.bad_at < all.size()) {
    const auto next = look_at(all.substr(found.bad_at));
    if (next.what == finding::whole &&
        (found.frames.empty() || next.frame.sequence == found.frames.back().sequence + 1)) {
      found.frames.push_back(next.frame);
      found.bad_at += next.frame.size;
      continue;
    }
    found.torn = next.what == finding::cut_short ||
                 has_hole(all, found.bad_at, found.bad_at + next.expected);
    break;
  }
  return found;
}

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

} // namespace weir::wal
