// The folder that a write-ahead log lives in. Next: write_ahead_log.hpp.
#pragma once

#include <weir/runtime/expected.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// A file that is only appended to. Closed by its destructor. Single-threaded.
class log_file {
public:
  virtual ~log_file() = default;

  /// @returns errc::io; then part of the bytes may be in the file.
  virtual expected<void> append(std::string_view bytes) = 0;

  /// What was appended survives a crash once this succeeds. @param with_size also what the file
  /// system says of the file (fsync), which a new file needs; else fdatasync.
  virtual expected<void> sync(bool with_size) = 0;
};

/// One folder. Every call may fail with errc::io. Single-threaded.
class log_folder {
public:
  virtual ~log_folder() = default;

  virtual expected<std::vector<std::string>> list() = 0; ///< Names of files.
  virtual expected<std::string> read(const std::string& name) = 0;
  virtual expected<std::unique_ptr<log_file>> create(const std::string& name) = 0; ///< A new file.
  virtual expected<void> truncate(const std::string& name, std::size_t size) = 0;
  virtual expected<void> remove(const std::string& name) = 0; ///< Also if it is not there.

  /// Files created and removed so far stay so after a crash.
  virtual expected<void> sync() = 0;
};

/// A folder of the file system; made if it is not there, and locked against a second owner.
/// @returns errc::invalid_state when another process, or another log of this one, uses it.
expected<std::unique_ptr<log_folder>> open_log_folder(const std::filesystem::path& path);

} // namespace weir
