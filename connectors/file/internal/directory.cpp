#include <weir/connectors/file/internal/directory.hpp>

#include <fmt/format.h>
#include <fnmatch.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir {
namespace {

error failed(std::string_view what, const std::string& path, int code) {
  return error(errc::io, fmt::format("cannot {} '{}': {}; check the path and its permissions", what,
                                     path, std::strerror(code)));
}

/// Whether what was just there is no file or directory any more: it has been taken away, or
/// replaced by something else.
bool vanished(int code) { return code == ENOENT || code == ENOTDIR || code == ELOOP; }

constexpr int open_directory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

using directory_entries = std::unique_ptr<DIR, decltype([](DIR* d) { ::closedir(d); })>;

/// Appends the files of one directory, and of those below it.
/// @param prefix of the names: empty, or the directory's own name and "/".
/// @returns 0 or an error number, and then `prefix` is that of the directory that failed.
int list_into(std::vector<found_file>& files, file_handle from, std::string& prefix,
              const std::string& pattern, bool recursive) {
  const directory_entries entries(::fdopendir(from.get()));
  if (!entries)
    return errno;
  const int here = from.release(); // now `entries` closes it
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (!entry)
      return errno;
    const char* name = entry->d_name;
    if (name[0] == '.')
      continue;
    struct stat is{};
    if (::fstatat(here, name, &is, AT_SYMLINK_NOFOLLOW) != 0) {
      if (vanished(errno))
        continue;
      return errno;
    }
    if (S_ISREG(is.st_mode) && ::fnmatch(pattern.c_str(), name, 0) == 0) {
      files.push_back(
          {.name = prefix + name,
           .modified = is.st_mtim.tv_sec * std::int64_t{1'000'000'000} + is.st_mtim.tv_nsec,
           .bytes = is.st_size});
    } else if (S_ISDIR(is.st_mode) && recursive) {
      file_handle below(::openat(here, name, open_directory | O_NOFOLLOW));
      int code = below ? 0 : errno;
      if (vanished(code))
        continue;
      const auto length = prefix.size();
      prefix.append(name).append("/");
      if (code == 0)
        code = list_into(files, std::move(below), prefix, pattern, recursive);
      if (code != 0)
        return code;
      prefix.resize(length);
    }
  }
}

} // namespace

file_handle::~file_handle() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

expected<std::vector<found_file>> directory::list(const std::string& pattern,
                                                  bool recursive) const {
  std::vector<found_file> files;
  std::string prefix;
  file_handle top(::open(path_.c_str(), open_directory));
  const int code = top ? list_into(files, std::move(top), prefix, pattern, recursive) : errno;
  if (code != 0)
    return failed("list the directory", prefix.empty() ? path_ : path_ + "/" + prefix, code);
  return files;
}

expected<file_handle> directory::open_file(const std::string& name) const {
  // Part by part: O_NOFOLLOW concerns the last part of a path only.
  file_handle folder(::open(path_.c_str(), open_directory));
  int code = folder ? 0 : errno;
  std::size_t begin = 0;
  for (auto slash = name.find('/'); code == 0 && slash != std::string::npos;
       slash = name.find('/', begin)) {
    const auto part = name.substr(begin, slash - begin);
    file_handle next(::openat(folder.get(), part.c_str(), open_directory | O_NOFOLLOW));
    code = next ? 0 : errno;
    folder = std::move(next);
    begin = slash + 1;
  }
  if (code == 0) {
    // Without waiting, should something that is no plain file have taken its place.
    file_handle file(::openat(folder.get(), name.c_str() + begin,
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat is{};
    if (!file || ::fstat(file.get(), &is) != 0)
      code = errno;
    else if (!S_ISREG(is.st_mode))
      code = EINVAL;
    else
      return file;
  }
  return failed("open the file", path_ + "/" + name, code);
}

} // namespace weir
