// Writes each batch as a directory of text files. Declared in runtime/text_sink.hpp.
#include <weir/connectors/file/internal/durable.hpp>
#include <weir/runtime/text_sink.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>

#include <unistd.h>

namespace weir {
namespace {

namespace fs = std::filesystem;
using detail::file_error;
using detail::sync_directory;

/// Files are written into a hidden directory beside the final one, synced, and published by one
/// rename.
class text_file_sink final : public text_sink {
public:
  explicit text_file_sink(text_files where_to) : where_to_(std::move(where_to)) {}
  ~text_file_sink() override { discard(); }

  expected<void> open(const replica_context& context) override {
    node_ = context.node;
    return {};
  }

  expected<void> begin(const batch& whole) override {
    discard();
    const auto& [prefix, suffix, extension, first_line] = where_to_;
    const auto stamp =
        fmt::format("{}{}", milliseconds_of(whole.time), suffix.empty() ? "" : "." + suffix);
    final_ = fs::path(prefix.empty() ? stamp : fmt::format("{}-{}", prefix, stamp));
    temporary_ =
        final_.parent_path() / fmt::format(".{}.{}.tmp", final_.filename().string(), ::getpid());
    partitions_ = whole.nodes[node_.value].input_partitions;
    std::error_code code;
    fs::remove_all(temporary_, code);
    fs::create_directories(temporary_, code);
    if (code)
      return file_error("cannot create the directory", temporary_, code.value());
    return {};
  }

  expected<void> write(partition_id partition, std::string_view line) override {
    auto file = part(partition);
    if (!file)
      return std::move(file).error();
    return put(*file, partition, line);
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
        return file_error("cannot sync", path_of(partition), code);
    }
    files_.clear();
    return sync_directory(temporary_);
  }

  expected<void> commit() override {
    std::error_code code;
    fs::remove_all(final_, code); // a batch that runs again replaces what its first run left
    if (!code)
      fs::rename(temporary_, final_, code);
    if (code)
      return file_error("cannot publish", final_, code.value());
    temporary_.clear();
    return sync_directory(final_.parent_path());
  }

  void abort() noexcept override { discard(); }

private:
  [[nodiscard]] fs::path path_of(partition_id partition) const {
    return temporary_ / fmt::format("part-{:05}{}", partition.value, where_to_.extension);
  }

  expected<void> put(std::FILE* file, partition_id partition, std::string_view line) {
    if (std::fwrite(line.data(), 1, line.size(), file) != line.size() ||
        std::fputc('\n', file) == EOF)
      return file_error("cannot write to", path_of(partition), errno);
    return {};
  }

  expected<std::FILE*> part(partition_id partition) {
    auto& file = files_[partition];
    if (file)
      return file;
    file = std::fopen(path_of(partition).c_str(), "we");
    if (!file)
      return file_error("cannot create", path_of(partition), errno);
    if (!where_to_.first_line.empty())
      if (auto begun = put(file, partition, where_to_.first_line); !begun)
        return std::move(begun).error();
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

  text_files where_to_;
  node_id node_;
  fs::path final_;
  fs::path temporary_; ///< Empty when there is nothing to discard.
  std::uint32_t partitions_ = 0;
  std::map<partition_id, std::FILE*> files_;
};

} // namespace

std::unique_ptr<text_sink> make_text_file_sink(text_files where_to) {
  return std::make_unique<text_file_sink>(std::move(where_to));
}

} // namespace weir
