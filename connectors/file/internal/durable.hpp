// What the file sinks share: making what was written durable, and saying what went wrong.
#pragma once

#include <weir/runtime/expected.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace weir::detail {

/// @param code as `errno` has it.
inline error file_error(std::string_view what, const std::filesystem::path& path, int code) {
  return error(errc::io,
               fmt::format("{} '{}': {}; check the path, its permissions and the free space", what,
                           path.string(), std::strerror(code)));
}

/// Makes a directory's entries durable.
inline expected<void> sync_directory(const std::filesystem::path& path) {
  const auto& named = path.empty() ? std::filesystem::path(".") : path;
  const int fd = ::open(named.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return file_error("cannot open for syncing", named, errno);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  if (result != 0)
    return file_error("cannot sync", named, code);
  return {};
}

} // namespace weir::detail
