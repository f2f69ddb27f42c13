// Received records made durable before anybody is told that they were received. Format:
// docs/formats/write_ahead_log.md. Next: connectors/push/journal.hpp.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/log_files.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// Where a record came from, as far as its origin can say: positions of one stream only rise.
struct origin_position {
  std::string stream;        ///< e.g. "orders/3". Empty: unknown.
  std::int64_t position = 0; ///< Of the last record.
  friend bool operator==(const origin_position&, const origin_position&) = default;
};

/// Records that are logged and kept together.
struct logged_records {
  std::int64_t first = 0;  ///< Position of the first in its partition.
  std::uint32_t count = 0; ///< >= 1.
  origin_position origin{};
  std::string bytes{}; ///< One after the other, as the codec writes them.

  [[nodiscard]] std::int64_t until() const noexcept { return first + count; }
  friend bool operator==(const logged_records&, const logged_records&) = default;
};

/// A log of one partition of one source: segments in a folder of its own.
///
/// Records are added to a group in memory; `sync` writes the group and makes it durable. Groups
/// that could not be made durable are written again, to a new segment, by the next `sync`. Segments
/// whose records are all in complete batches are deleted. Single-threaded; blocks on the disk.
class write_ahead_log {
public:
  struct options {
    std::size_t segment_bytes = std::size_t{64} << 20; ///< A new segment begins beyond this.
  };

  /// What a log held when it was opened.
  struct recovery {
    std::vector<logged_records> records; ///< Not in complete batches, in order.
    std::map<std::string, std::int64_t, std::less<>> origins; ///< Highest position by stream.
    std::int64_t next = 0;                                    ///< First position never logged.
    std::int64_t complete = 0; ///< Records before it are in complete batches.
    /// Removed from the end of the last segment: what a crash left of bytes that were not durable.
    std::size_t torn_bytes = 0;
    std::string torn_at{}; ///< "segment 00000000000000000007.wal at byte 4711"; empty: nowhere.
  };

  /// Longest frame: no group of records may take more bytes together.
  static constexpr std::size_t max_frame = std::size_t{16} << 20;

  /// Reads what is there, and removes a torn tail.
  /// @param stream identity of source and partition; a log of another stream is refused.
  /// @returns errc::invalid_config for such a log; errc::decode naming segment and byte when
  /// records that were durable are damaged or missing, or when what is bad at the end does not look
  /// torn; errc::io.
  static expected<write_ahead_log> open(std::unique_ptr<log_folder> folder, std::string stream,
                                        options with);
  static expected<write_ahead_log> open(std::unique_ptr<log_folder> folder, std::string stream) {
    return open(std::move(folder), std::move(stream), options());
  }

  /// Moves out what was found.
  [[nodiscard]] recovery take_recovery() { return std::exchange(recovery_, {}); }

  /// Adds to the group in memory.
  /// @returns errc::invalid_config when the records exceed the longest frame.
  expected<void> append(const logged_records& records);

  /// Bytes of the group.
  [[nodiscard]] std::size_t pending_bytes() const noexcept { return pending_bytes_; }

  /// The records before `until` are in complete batches: the next `sync` notes it and deletes what
  /// is no longer needed.
  void complete(std::int64_t until);

  /// Whether `sync` would have something to write: a group, or what a later reader should know.
  [[nodiscard]] bool dirty() const noexcept {
    return !pending_.empty() || unstated_ || stated_complete_ < complete_;
  }

  /// Writes the group and makes it durable. When the disk is full, room is made of what is in
  /// complete batches, if there is any. @returns the position before which everything is durable.
  /// After an error part of the group may be durable: see `durable`.
  expected<std::int64_t> sync();

  /// The position before which everything is durable.
  [[nodiscard]] std::int64_t durable() const noexcept { return synced_until_; }

  /// Number of files, for tests and reports.
  [[nodiscard]] std::size_t segments() const noexcept { return segments_.size(); }

private:
  struct segment {
    std::string name;
    std::int64_t until = 0; ///< End of its records.
  };

  write_ahead_log(std::unique_ptr<log_folder> folder, std::string stream, options with)
      : folder_(std::move(folder)), stream_(std::move(stream)), options_(with) {}

  expected<void> recover();
  [[nodiscard]] std::size_t frames_that_fit() const;
  expected<void> write_group(std::size_t count);
  expected<void> try_to_write(std::size_t count);
  expected<void> begin_segment();
  void delete_complete(std::int64_t until);
  bool make_room();
  void keep_reserve();

  std::unique_ptr<log_folder> folder_;
  std::string stream_;
  options options_;
  recovery recovery_;

  std::map<std::string, std::int64_t, std::less<>> origins_; ///< Of durable records.
  std::vector<segment> segments_; ///< Oldest first; the last is being written if `file_` is.
  std::unique_ptr<log_file> file_;
  std::size_t file_bytes_ = 0;
  std::size_t durable_bytes_ = 0; ///< Of the file.
  bool file_is_new_ = false;
  bool has_reserve_ = false;
  std::uint64_t next_segment_ = 1;

  /// Records that are not durable yet.
  struct pending_frame {
    std::string payload;
    std::int64_t until = 0;
    origin_position origin;
  };
  std::deque<pending_frame> pending_;
  std::size_t pending_bytes_ = 0;
  bool small_groups_ = false;     ///< The disk refused the last one.
  std::uint64_t synced_ = 0;      ///< Highest durable sequence.
  bool unstated_ = false;         ///< No frame on disk says yet that the last records are durable.
  std::int64_t synced_until_ = 0; ///< End of the durable records.
  std::int64_t complete_ = 0;
  std::int64_t stated_complete_ = 0;
};

} // namespace weir
