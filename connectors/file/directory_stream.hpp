// Watches a directory for new files and reads their lines. Next on the data path:
// internal/file_receiver.hpp.
#pragma once

#include <weir/operators/stream.hpp>
#include <weir/runtime/context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

namespace weir {

/// What becomes of input that cannot be read.
enum class unreadable_input {
  fail, ///< The batch fails and the job stops with the reason.
  skip, ///< It is left out, logged, and counted as dropped in the batch report.
};

/// Whether a line end between quotes, as CSV may have it in a column of text, ends the line.
enum class quoted_lines {
  by_name, ///< In a file whose name ends in ".csv" or ".CSV" it belongs to the line, elsewhere it
           ///< ends it.
  whole,   ///< It belongs to the line.
  cut,     ///< It ends the line.
};

/// Which files of a directory are read, and how. The first group changes what is read, the second
/// what becomes of input that is in the way.
struct directory_options {
  std::string pattern = "*"; ///< Shell pattern (*, ?, [...]) that a file's own name must match.
  bool recursive = false;    ///< Also the directories below; never those behind symbolic links.
  /// Only files that come after the start; false: also those that are there when the job starts.
  /// Times do not matter: a file that was written long before and is moved in after the start is
  /// read.
  bool new_files_only = true;
  std::size_t max_files_per_batch = 1'000; ///< >= 1. The rest waits, oldest first.
  /// > 0. For how long weir remembers a file that has gone: should it come back within that time,
  /// the same file as before, it is not read again.
  duration max_file_age = std::chrono::hours(7 * 24);
  std::size_t skip_lines = 0; ///< Lines left out at the beginning of each file, such as a header.
  /// Where quotes do not pair, or not within `max_line_bytes`, every line end ends a line.
  weir::quoted_lines quoted_lines = weir::quoted_lines::by_name;
  char separator = ','; ///< Of the columns of CSV, for `quoted_lines`: a quote opens behind one.
  char quote = '"';     ///< Of the columns of CSV, for `quoted_lines`.

  std::size_t max_line_bytes = std::size_t{1} << 20;    ///< >= 1, without the end of the line.
  unreadable_input long_lines = unreadable_input::fail; ///< Lines beyond `max_line_bytes`.
  /// Files, or the directory, that have gone or cannot be read by the time their turn comes.
  unreadable_input unreadable_files = unreadable_input::fail;

  /// @returns errc::invalid_config naming the field, its value and the allowed range.
  [[nodiscard]] expected<void> check() const;
};

/// Lines, without "\n" or "\r\n", of the files that appear in a directory. A record is a view into
/// its block. A byte order mark of UTF-8 at the beginning of a file is no part of its first line; a
/// file with a mark of UTF-16 or UTF-32 cannot be read.
///
/// A file must appear whole, by a rename from elsewhere in the same file system or from a name that
/// begins with ".": such names are ignored. A file is read once, whatever its times say. It is read
/// again when another file takes its name, by a rename, or when it is written anew in its place.
/// What is appended to it later is not read, nor what is changed in a file that was there before
/// the start; so are symbolic links, and a file that is replaced before its turn comes. What is
/// left out is logged once with the reason, and counted as dropped in the batch report.
///
/// Files are read in order of modification time, then name, and each batch takes up to
/// `max_files_per_batch` of them: file i of a batch is logical partition i, its range names the
/// file, in bytes, and the lines of a file keep their order. After an aborted batch the same files
/// are read again. The rate controller does not limit files.
///
/// Each receiver has a thread of its own, since a file system may block.
///
///     weir::directory_stream(*ctx, "/var/spool/orders", {.pattern = "*.csv"})
///         .apply(weir::parse_csv<order>()) // connectors/codec/csv.hpp; parse_json for JSON lines
///
/// Mistakes in the options are reported by `context::start`, with the line of this call.
[[nodiscard]] stream<std::string_view>
directory_stream(context& to, std::string directory, directory_options options = {},
                 std::source_location where = std::source_location::current());

/// The source by itself, for other executors and for tests. Its `open` checks the options.
[[nodiscard]] source_factory make_directory_source(std::string directory,
                                                   directory_options options = {});

} // namespace weir
