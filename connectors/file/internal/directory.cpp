#include <weir/connectors/file/internal/directory.hpp>

#include <weir/runtime/key_group.hpp> // XXH3

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
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

constexpr unsigned wanted =
    STATX_TYPE | STATX_INO | STATX_MTIME | STATX_CTIME | STATX_SIZE | STATX_BTIME;

file_state state_from(const struct statx& is) {
  const auto time = [](const statx_timestamp& at) { return file_time{at.tv_sec, at.tv_nsec}; };
  return {.identity = {.device = (std::uint64_t{is.stx_dev_major} << 32) | is.stx_dev_minor,
                       .inode = is.stx_ino,
                       .born = is.stx_mask & STATX_BTIME ? time(is.stx_btime) : file_time()},
          .modified = time(is.stx_mtime),
          .changed = time(is.stx_ctime),
          .bytes = static_cast<std::int64_t>(is.stx_size)};
}

/// Appends what is in one directory, and in those below it.
/// @param prefix of the names: empty, or the directory's own name and "/".
/// @returns 0 or an error number, and then `prefix` is that of the directory that failed.
int list_into(directory_listing& found, file_handle from, std::string& prefix,
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
    struct statx is{};
    if (::statx(here, name, AT_SYMLINK_NOFOLLOW, wanted, &is) != 0) {
      if (vanished(errno))
        continue;
      return errno;
    }
    const bool matches = ::fnmatch(pattern.c_str(), name, 0) == 0;
    if (S_ISREG(is.stx_mode)) {
      if (matches)
        found.files.push_back({.name = prefix + name, .state = state_from(is)});
    } else if (!S_ISDIR(is.stx_mode)) {
      if (matches)
        found.no_files.push_back(prefix + name);
    } else if (recursive) {
      file_handle below(::openat(here, name, open_directory | O_NOFOLLOW));
      int code = below ? 0 : errno;
      if (vanished(code))
        continue;
      const auto length = prefix.size();
      prefix.append(name).append("/");
      if (code == 0)
        code = list_into(found, std::move(below), prefix, pattern, recursive);
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

expected<directory_listing> directory::list(const std::string& pattern, bool recursive) const {
  directory_listing found;
  std::string prefix;
  file_handle top(::open(path_.c_str(), open_directory));
  const int code = top ? list_into(found, std::move(top), prefix, pattern, recursive) : errno;
  if (code != 0)
    return failed("list the directory", prefix.empty() ? path_ : path_ + "/" + prefix, code);
  return found;
}

expected<std::uint64_t> directory::fingerprint(const std::string& name, std::int64_t bytes) const {
  auto file = open_file(name);
  if (!file)
    return std::move(file).error();
  auto taken = fingerprint(*file, bytes);
  if (!taken)
    return std::move(taken).error().with(path_ + "/" + name);
  return taken;
}

expected<std::uint64_t> directory::fingerprint(const file_handle& file, std::int64_t bytes) {
  constexpr std::int64_t piece_bytes = 4096;
  constexpr std::int64_t pieces = 16;
  const bool whole = bytes <= pieces * piece_bytes;
  std::array<char, piece_bytes> piece; // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  std::uint64_t print = static_cast<std::uint64_t>(bytes);
  for (std::int64_t i = 0; i < pieces && (!whole || i * piece_bytes < bytes); ++i) {
    // The pieces of a long file are as far apart as they can be.
    const auto from = whole ? i * piece_bytes
                            : (bytes - piece_bytes) / (pieces - 1) * i +
                                  (bytes - piece_bytes) % (pieces - 1) * i / (pieces - 1);
    const auto size = std::min(piece_bytes, bytes - from);
    for (std::int64_t got = 0; got < size;) {
      const auto read =
          ::pread(file.get(), piece.data() + got, static_cast<std::size_t>(size - got), from + got);
      if (read < 0 && errno == EINTR)
        continue;
      if (read <= 0)
        return error(errc::io, read < 0 ? std::strerror(errno) : "it has been cut");
      got += read;
    }
    print = XXH3_64bits_withSeed(piece.data(), static_cast<std::size_t>(size), print);
  }
  return std::max<std::uint64_t>(print, 1);
}

expected<file_state> directory::state_of(const file_handle& file) {
  struct statx is{};
  if (::statx(file.get(), "", AT_EMPTY_PATH, wanted, &is) != 0)
    return error(errc::io, std::strerror(errno));
  return state_from(is);
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
