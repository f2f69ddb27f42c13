// Writes each batch as a directory of text files. Declared in runtime/text_sink.hpp.
#include <weir/runtime/text_sink.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <unistd.h>

namespace weir {
namespace {

namespace fs = std::filesystem;

error failed(std::string_view what, const fs::path& path, int code) {
  return error(errc::io,
               fmt::format("{} '{}': {}; check the path, its permissions and the free space", what,
                           path.string(), std::strerror(code)));
}

expected<void> sync(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0)
    return failed("cannot open for syncing", path, errno);
  const int result = ::fsync(fd);
  const int code = errno;
  ::close(fd);
  if (result != 0)
    return failed("cannot sync", path, code);
  return {};
}

/// Files are written into a hidden directory beside the final one, synced, and published by one
/// rename.
class text_file_sink final : public text_sink {
public:
  text_file_sink(std::string prefix, std::string suffix)
      : prefix_(std::move(prefix)), suffix_(std::move(suffix)) {}
  ~text_file_sink() override { discard(); }

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    return {};
  }

  expected<void> begin(const batch& whole) override {
    discard();
    const auto stamp =
        fmt::format("{}{}", milliseconds_of(whole.time), suffix_.empty() ? "" : "." + suffix_);
    final_ = fs::path(prefix_.empty() ? stamp : fmt::format("{}-{}", prefix_, stamp));
    temporary_ =
        final_.parent_path() / fmt::format(".{}.{}.tmp", final_.filename().string(), ::getpid());
    partitions_ = whole.nodes[node_.value].input_partitions;
    std::error_code code;
    fs::remove_all(temporary_, code);
    fs::create_directories(temporary_, code);
    if (code)
      return failed("cannot create the directory", temporary_, code.value());
    return {};
  }

  expected<void> write(partition_id partition, std::string_view line) override {
    auto file = part(partition);
    if (!file)
      return std::move(file).error();
    if (std::fwrite(line.data(), 1, line.size(), *file) != line.size() ||
        std::fputc('\n', *file) == EOF)
      return failed("cannot write to", path_of(partition), errno);
    return {};
  }

  expected<void> prepare() override {
    for (std::uint32_t p = 0; p < partitions_; ++p)
      if (auto file = part(partition_id(p)); !file)
        return std::move(file).error();
    for (auto& [partition, file] : files_) {
      const int flushed = std::fflush(file);
      const int synced = flushed == 0 ? ::fsync(::fileno(file)) : -1;
      const int code = errno;
      std::fclose(std::exchange(file, nullptr));
      if (synced != 0)
        return failed("cannot sync", path_of(partition), code);
    }
    files_.clear();
    return sync(temporary_, O_RDONLY | O_DIRECTORY);
  }

  expected<void> commit() override {
    std::error_code code;
    fs::remove_all(final_, code); // a batch that runs again replaces what its first run left
    if (!code)
      fs::rename(temporary_, final_, code);
    if (code)
      return failed("cannot publish", final_, code.value());
    temporary_.clear();
    const auto parent = final_.parent_path();
    return sync(parent.empty() ? fs::path(".") : parent, O_RDONLY | O_DIRECTORY);
  }

  void abort() noexcept override { discard(); }

private:
  [[nodiscard]] fs::path path_of(partition_id partition) const {
    return temporary_ / fmt::format("part-{:05}", partition.value);
  }

  expected<std::FILE*> part(partition_id partition) {
    auto& file = files_[partition];
    if (!file)
      file = std::fopen(path_of(partition).c_str(), "we");
    if (!file)
      return failed("cannot create", path_of(partition), errno);
    return file;
  }

  void discard() noexcept {
    for (auto& [partition, file] : files_)
      if (file)
        std::fclose(file);
    files_.clear();
    std::error_code ignored;
    if (!temporary_.empty())
      fs::remove_all(temporary_, ignored);
    temporary_.clear();
  }

  std::string prefix_;
  std::string suffix_;
  node_id node_;
  fs::path final_;
  fs::path temporary_; ///< Empty when there is nothing to discard.
  std::uint32_t partitions_ = 0;
  std::map<partition_id, std::FILE*> files_;
};

} // namespace

std::unique_ptr<text_sink> make_text_file_sink(std::string prefix, std::string suffix) {
  return std::make_unique<text_file_sink>(std::move(prefix), std::move(suffix));
}

} // namespace weir
