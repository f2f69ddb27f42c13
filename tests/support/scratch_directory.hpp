// A directory of a test's own, and files that appear in it whole.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::test {

/// Goes when the test ends, with all that is in it.
class scratch_directory {
public:
  scratch_directory() {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("weir-test-{}-{}", ::getpid(), number++);
    std::filesystem::create_directories(path_);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string text() const { return path_.string(); }

  /// Writes a file under a hidden name, then renames it.
  /// @param modified seconds since the Unix epoch.
  void add(const std::string& name, std::string_view content,
           std::time_t modified = 1'767'225'600) const {
    const auto target = path_ / name;
    std::filesystem::create_directories(target.parent_path());
    const auto hidden = target.parent_path() / ("." + target.filename().string());
    std::ofstream(hidden, std::ios::binary) << content;
    const timespec times[2] = {{modified, 0}, {modified, 0}};
    ::utimensat(AT_FDCWD, hidden.c_str(), times, 0);
    std::filesystem::rename(hidden, target);
  }

private:
  std::filesystem::path path_;
};

} // namespace weir::test
