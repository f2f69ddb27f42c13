#include <weir/connectors/file/internal/batch_directory.hpp>

#include <weir/connectors/file/internal/durable.hpp>

#include <fmt/format.h>

#include <cerrno>

#include <unistd.h>

namespace weir {
namespace {

namespace fs = std::filesystem;
using detail::file_error;
using detail::sync_directory;

} // namespace

expected<void> batch_directory::begin(batch_time at, std::uint32_t partitions,
                                      std::string_view first_bytes) {
  discard();
  const auto stamp = fmt::format("{}{}", milliseconds_of(at),
                                 where_to_.suffix.empty() ? "" : "." + where_to_.suffix);
  final_ =
      fs::path(where_to_.prefix.empty() ? stamp : fmt::format("{}-{}", where_to_.prefix, stamp));
  temporary_ =
      final_.parent_path() / fmt::format(".{}.{}.tmp", final_.filename().string(), ::getpid());
  std::error_code code;
  fs::remove_all(temporary_, code);
  fs::create_directories(temporary_, code);
  if (code)
    return file_error("cannot create the directory", temporary_, code.value());
  for (std::uint32_t p = 0; p < partitions; ++p) {
    const partition_id partition(p);
    files_.push_back(std::fopen(path_of(partition).c_str(), "we"));
    if (!files_.back())
      return file_error("cannot create", path_of(partition), errno);
    if (auto begun = append(partition, first_bytes); !begun)
      return begun;
  }
  return {};
}

expected<void> batch_directory::append(partition_id partition, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), files_[partition.value]) != bytes.size())
    return file_error("cannot write to", path_of(partition), errno);
  return {};
}

expected<void> batch_directory::sync() {
  for (std::uint32_t p = 0; p < files_.size(); ++p) {
    auto& file = files_[p];
    const int flushed = std::fflush(file);
    const int synced = flushed == 0 ? ::fsync(::fileno(file)) : -1;
    const int code = errno;
    std::fclose(std::exchange(file, nullptr));
    if (synced != 0)
      return file_error("cannot sync", path_of(partition_id(p)), code);
  }
  files_.clear();
  return sync_directory(temporary_);
}

expected<void> batch_directory::publish() {
  std::error_code code;
  fs::remove_all(final_, code);
  if (!code)
    fs::rename(temporary_, final_, code);
  if (code)
    return file_error("cannot publish", final_, code.value());
  temporary_.clear();
  return sync_directory(final_.parent_path());
}

void batch_directory::discard() noexcept {
  for (auto* file : files_)
    if (file)
      std::fclose(file);
  files_.clear();
  std::error_code ignored;
  if (!temporary_.empty())
    fs::remove_all(temporary_, ignored);
  temporary_.clear();
}

fs::path batch_directory::path_of(partition_id partition) const {
  return temporary_ / fmt::format("part-{:05}{}", partition.value, where_to_.extension);
}

} // namespace weir
