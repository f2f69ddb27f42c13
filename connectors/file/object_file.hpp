// Reads what save_as_object_files wrote. The format: docs/formats/object-file.md.
#pragma once

#include <weir/runtime/codec.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// The records of one object file as bytes, one after another. One thread at a time.
class object_file_reader {
public:
  /// @returns errc::io when the file cannot be read, errc::decode when it is none of weir's.
  static expected<object_file_reader> open(const std::string& path);

  /// The bytes of the next record, valid until the next call; nothing behind the last one.
  /// @returns errc::decode, with the place, when the file is torn or damaged; errc::io.
  expected<std::optional<std::string_view>> next();

  /// An error about the record that `next` gave last.
  [[nodiscard]] error refused(const error& why) const;

private:
  struct close_file {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  object_file_reader(std::string path, std::unique_ptr<std::FILE, close_file> file,
                     std::uint64_t left)
      : path_(std::move(path)), file_(std::move(file)), left_(left) {}

  /// Reads exactly `size` bytes into `bytes_`.
  expected<void> read(std::size_t size);
  [[nodiscard]] error damaged(std::string_view why) const;

  std::string path_;
  std::unique_ptr<std::FILE, close_file> file_;
  std::uint64_t left_; ///< Bytes of the file behind what was read.
  std::uint64_t records_ = 0;
  std::string bytes_;
  bool ended_ = false;
};

/// All records of one object file. `T` is the type they were written as, or its owning twin.
/// @returns errc::decode for a file that is foreign, torn or damaged or holds other records;
/// errc::io.
template <class T>
expected<std::vector<T>> read_object_file(const std::string& path) {
  static_assert(self_contained<T>, "records read from a file own their bytes: read std::string "
                                   "where std::string_view was written");
  auto reader = object_file_reader::open(path);
  if (!reader)
    return std::move(reader).error();
  std::vector<T> all;
  while (true) {
    auto bytes = reader->next();
    if (!bytes)
      return std::move(bytes).error();
    if (!*bytes)
      return all;
    auto record = decoded<T>(**bytes);
    if (!record)
      return reader->refused(record.error());
    all.push_back(std::move(*record));
  }
}

/// The part files of a batch's directory, in order of their partitions.
expected<std::vector<std::string>> part_files(const std::string& directory);

/// All records of a batch that was saved as `directory`, partition by partition.
template <class T>
expected<std::vector<T>> read_object_files(const std::string& directory) {
  auto parts = part_files(directory);
  if (!parts)
    return std::move(parts).error();
  std::vector<T> all;
  for (const auto& part : *parts) {
    auto records = read_object_file<T>(part);
    if (!records)
      return std::move(records).error();
    all.insert(all.end(), std::make_move_iterator(records->begin()),
               std::make_move_iterator(records->end()));
  }
  return all;
}

} // namespace weir
