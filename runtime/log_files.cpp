#include <weir/runtime/log_files.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr auto lock_name = "lock";

error io_error(const char* what, const fs::path& path, int code) {
  return error(errc::io, fmt::format("{} {}: {}", what, path.string(), std::strerror(code)));
}

/// Closes what it holds.
class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

class posix_file final : public log_file {
public:
  posix_file(fs::path path, descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  expected<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0)
        return io_error("cannot write", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  expected<void> sync(bool with_size) override {
    if ((with_size ? ::fsync(fd_.get()) : ::fdatasync(fd_.get())) != 0)
      return io_error("cannot sync", path_, errno);
    return {};
  }

private:
  fs::path path_;
  descriptor fd_;
};

class posix_folder final : public log_folder {
public:
  posix_folder(fs::path path, descriptor fd, descriptor lock)
      : path_(std::move(path)), fd_(std::move(fd)), lock_(std::move(lock)) {}

  expected<std::vector<std::string>> list() override {
    std::vector<std::string> names;
    std::error_code failed;
    for (fs::directory_iterator at(path_, failed), end; !failed && at != end; at.increment(failed))
      if (at->path().filename() != lock_name)
        names.push_back(at->path().filename().string());
    if (failed)
      return io_error("cannot list", path_, failed.value());
    return names;
  }

  expected<std::string> read(const std::string& name) override {
    std::error_code failed;
    if (!fs::is_regular_file(path_ / name, failed)) // one that is none may never end
      return error(errc::io, fmt::format("cannot read '{}': it is no file; move it away",
                                         (path_ / name).string()));
    std::ifstream in(path_ / name, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in.good() && !in.eof())
      return io_error("cannot read", path_ / name, errno);
    return bytes;
  }

  expected<std::unique_ptr<log_file>> create(const std::string& name) override {
    const auto path = path_ / name;
    descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
    if (fd.get() < 0)
      return io_error("cannot create", path, errno);
    return std::make_unique<posix_file>(path, std::move(fd));
  }

  expected<void> truncate(const std::string& name, std::size_t size) override {
    const auto path = path_ / name;
    const descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd.get() < 0 || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
        ::fsync(fd.get()) != 0)
      return io_error("cannot truncate", path, errno);
    return {};
  }

  expected<void> remove(const std::string& name) override {
    if (::unlink((path_ / name).c_str()) != 0 && errno != ENOENT)
      return io_error("cannot remove", path_ / name, errno);
    return {};
  }

  expected<void> sync() override {
    if (::fsync(fd_.get()) != 0)
      return io_error("cannot sync", path_, errno);
    return {};
  }

private:
  fs::path path_;
  descriptor fd_;
  descriptor lock_;
};

} // namespace

expected<std::unique_ptr<log_folder>> open_log_folder(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed)
    return io_error("cannot make", path, failed.value());
  descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0)
    return io_error("cannot open", path, errno);
  descriptor lock(::open((path / lock_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.get() < 0)
    return io_error("cannot open", path / lock_name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return error(errc::invalid_state,
                 fmt::format("{} is in use by another write-ahead log", path.string()));
  return std::make_unique<posix_folder>(path, std::move(fd), std::move(lock));
}

} // namespace weir
