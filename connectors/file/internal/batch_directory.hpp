// One directory per batch, one file per partition, whole or not at all: what the file sinks write.
#pragma once

#include <weir/runtime/text_sink.hpp>

#include <cstdio>
#include <filesystem>
#include <string_view>
#include <vector>

namespace weir {

/// Files are written into a hidden directory beside the final one, synced, and published by one
/// rename. Calls come from one thread at a time, per batch: `begin`, `append`, `sync`, `publish`;
/// or `discard` at any point before `publish`.
class batch_directory {
public:
  explicit batch_directory(text_files where_to) : where_to_(std::move(where_to)) {}
  batch_directory(const batch_directory&) = delete;
  batch_directory& operator=(const batch_directory&) = delete;
  ~batch_directory() { discard(); }

  /// Creates the file of each partition, with the bytes that each begins with.
  expected<void> begin(batch_time at, std::uint32_t partitions, std::string_view first_bytes);

  expected<void> append(partition_id partition, std::string_view bytes);

  /// Makes everything durable; nothing is visible yet.
  expected<void> sync();

  /// Replaces a directory of the same name: a batch that runs again replaces what its first run
  /// left.
  expected<void> publish();
  void discard() noexcept;

private:
  [[nodiscard]] std::filesystem::path path_of(partition_id partition) const;

  text_files where_to_;
  std::filesystem::path final_;
  std::filesystem::path temporary_; ///< Empty when there is nothing to discard.
  std::vector<std::FILE*> files_;   ///< By partition; null when closed.
};

} // namespace weir
