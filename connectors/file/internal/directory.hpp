// A directory of the file system: what is in it, and its files. Used by
// internal/directory_source.hpp and internal/file_receiver.hpp.
#pragma once

#include <weir/runtime/expected.hpp>

#include <compare>
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

/// A moment as file systems keep it: of any year, before 1970 too.
struct file_time {
  std::int64_t seconds = 0; ///< Since the Unix epoch.
  std::uint32_t nanoseconds = 0;
  friend auto operator<=>(const file_time&, const file_time&) = default;
};

/// What makes a file that file, whatever it is called and holds: one put in its place has another.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  file_time born{}; ///< Zero where the file system does not tell: then inodes may come again.
  friend bool operator==(const file_identity&, const file_identity&) = default;
};

/// How a file is at one moment. Whatever is done to it changes `changed`, which nobody can set.
struct file_state {
  file_identity identity{};
  file_time modified{};
  file_time changed{};
  std::int64_t bytes = 0;
  friend bool operator==(const file_state&, const file_state&) = default;
};

struct found_file {
  std::string name; ///< Relative to the directory, parts separated by "/".
  file_state state{};
  /// Of its bytes up to `state.bytes`, see `directory::fingerprint`; 0 until it is taken.
  std::uint64_t fingerprint = 0;
};

/// What is in a directory.
struct directory_listing {
  std::vector<found_file> files;       ///< Plain files, in no order.
  std::vector<std::string> no_files{}; ///< Names that match and stand for something else, such as
                                       ///< a symbolic link.
};

/// Follows no symbolic link below its own path, so nothing outside of it can be reached.
/// Thread-safe.
class directory {
public:
  explicit directory(std::string path) : path_(std::move(path)) {}

  /// What is there under names that match `pattern`. Names that begin with "." are left out, and so
  /// is what vanishes meanwhile.
  /// @returns errc::io naming the path.
  [[nodiscard]] expected<directory_listing> list(const std::string& pattern, bool recursive) const;

  /// @returns errc::io naming the path.
  [[nodiscard]] expected<file_handle> open_file(const std::string& name) const;

  /// Tells whether the first `bytes` of a file are still what they were: all of them up to 64 KiB,
  /// of a longer file 16 pieces of 4 KiB, the first and the last among them. Never 0.
  /// @returns errc::io naming the path, also when the file is shorter.
  [[nodiscard]] expected<std::uint64_t> fingerprint(const std::string& name,
                                                    std::int64_t bytes) const;
  /// The same of an open file; errc::io does not name it.
  [[nodiscard]] static expected<std::uint64_t> fingerprint(const file_handle& file,
                                                           std::int64_t bytes);
  /// @returns errc::io, which does not name the file.
  [[nodiscard]] static expected<file_state> state_of(const file_handle& file);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

} // namespace weir
