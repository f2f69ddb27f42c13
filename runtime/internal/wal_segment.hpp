// The files of a write-ahead log: how frames stand in a segment, and how much of one can be read.
// Format: docs/formats/write_ahead_log.md. Used by write_ahead_log.cpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/log_files.hpp>
#include <weir/runtime/write_ahead_log.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::wal {

constexpr std::size_t frame_header = 4 + 1 + 1 + 8 + 4 + 4; ///< Bytes up to the payload.

enum class frame_type : std::uint8_t {
  records = 1, ///< `logged_records`.
  synced = 2,  ///< First of each group: what is durable and complete so far.
};

using origin_map = std::map<std::string, std::int64_t, std::less<>>;

struct frame {
  frame_type type{};
  std::uint64_t sequence = 0;
  std::string_view payload;
  std::size_t size = 0; ///< With its header.
};

struct statement {
  std::uint64_t synced = 0;  ///< Highest durable sequence when it was written.
  std::int64_t complete = 0; ///< Records before it are in complete batches.
  std::int64_t next = 0;     ///< End of the durable records.
  origin_map origins;        ///< In the first frame of a segment: those of all records before.
};

/// "00000000000000000007.wal", and back; nullopt for another name.
std::string segment_name(std::uint64_t number);
std::optional<std::uint64_t> segment_number(std::string_view name);

std::string encode_header(const std::string& stream, std::uint64_t number);
void encode_frame(frame_type type, std::uint64_t sequence, std::string_view payload,
                  std::string& out);
std::string encode(const statement& s);
std::string encode(const logged_records& r);
std::optional<statement> decode_statement(std::string_view in);
std::optional<logged_records> decode_records(std::string_view in);

/// What one file holds, up to its first bad frame.
struct segment_content {
  std::string name;
  std::string bytes;         ///< On the heap when there are frames, so a move keeps it in place.
  std::vector<frame> frames; ///< Their sequences rise by one. Payloads point into `bytes`.
  std::size_t bad_at = 0;    ///< First byte behind the frames.
  bool torn = true; ///< What is bad looks as what a crash leaves of bytes that were not durable.
};

/// Reads a segment up to its first bad frame.
/// @returns errc::invalid_config when it is of another version or stream; errc::io.
expected<segment_content> read_segment(log_folder& folder, const std::string& name,
                                       std::uint64_t number, const std::string& stream);

/// The highest sequence that any undamaged frame at or behind `from` says was durable.
std::uint64_t stated_behind(std::string_view bytes, std::size_t from);

} // namespace weir::wal
