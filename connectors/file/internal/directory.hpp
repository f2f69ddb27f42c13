// A directory of the file system: what is in it, and its files. Used by
// internal/directory_source.hpp and internal/file_receiver.hpp.
#pragma once

#include <weir/runtime/expected.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// An open file of the operating system; closes it.
class file_handle {
public:
  file_handle() = default;
  explicit file_handle(int descriptor) : descriptor_(descriptor) {}
  file_handle(file_handle&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  file_handle& operator=(file_handle&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~file_handle();

  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }

private:
  int descriptor_ = -1;
};

struct found_file {
  std::string name;          ///< Relative to the directory, parts separated by "/".
  std::int64_t modified = 0; ///< ns since the Unix epoch.
  std::int64_t bytes = 0;
};

/// Follows no symbolic link below its own path, so nothing outside of it can be reached.
/// Thread-safe.
class directory {
public:
  explicit directory(std::string path) : path_(std::move(path)) {}

  /// Plain files whose name matches `pattern`, in no order. Names that begin with "." are left out,
  /// and so is what vanishes meanwhile.
  /// @returns errc::io naming the path.
  [[nodiscard]] expected<std::vector<found_file>> list(const std::string& pattern,
                                                       bool recursive) const;

  /// @returns errc::io naming the path.
  [[nodiscard]] expected<file_handle> open_file(const std::string& name) const;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

} // namespace weir
