#include <weir/connectors/file/object_file.hpp>

#include <weir/connectors/file/internal/object_format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace weir {
namespace {

namespace fs = std::filesystem;

error unreadable(const std::string& path, std::string_view why) {
  return error(errc::io, fmt::format("cannot read '{}': {}", path, why));
}

} // namespace

expected<object_file_reader> object_file_reader::open(const std::string& path) {
  std::error_code code;
  const auto size = fs::file_size(path, code);
  if (code)
    return unreadable(path, code.message());
  std::unique_ptr<std::FILE, close_file> file(std::fopen(path.c_str(), "re"));
  if (!file)
    return unreadable(path, std::strerror(errno));
  object_file_reader reader(path, std::move(file), size);
  if (size >= object_format::magic.size())
    if (auto begun = reader.read(object_format::magic.size()); !begun)
      return std::move(begun).error();
  if (reader.bytes_ != object_format::magic)
    return error(errc::decode, fmt::format("'{}' is no object file: it does not begin with \"{}\"",
                                           path, object_format::magic));
  return reader;
}

expected<std::optional<std::string_view>> object_file_reader::next() {
  if (ended_)
    return std::optional<std::string_view>();
  constexpr std::size_t head_size = 2 * sizeof(std::uint32_t);
  if (left_ < head_size)
    return damaged("it is torn: the end is missing");
  if (auto done = read(head_size); !done)
    return std::move(done).error();
  std::string_view head = bytes_;
  const auto length = *codec<std::uint32_t>::decode(head);
  const auto checksum = *codec<std::uint32_t>::decode(head);
  const std::size_t size = length == object_format::end_mark ? sizeof(records_) : length;
  if (left_ < size)
    return damaged("it is torn: the rest of a record is missing");
  if (auto done = read(size); !done)
    return std::move(done).error();
  if (object_format::checksum(bytes_) != checksum)
    return damaged("the checksum of what follows is wrong");
  if (length != object_format::end_mark) {
    ++records_;
    return std::optional<std::string_view>(bytes_);
  }
  std::string_view count = bytes_;
  if (*codec<std::uint64_t>::decode(count) != records_)
    return damaged("its end speaks of another number of records");
  if (left_ != 0)
    return damaged("there are bytes behind its end");
  ended_ = true;
  return std::optional<std::string_view>();
}

error object_file_reader::refused(const error& why) const {
  return error(errc::decode,
               fmt::format("record {} of '{}' is no value of the type that is read: {}",
                           records_ - 1, path_, why.message()));
}

expected<void> object_file_reader::read(std::size_t size) {
  bytes_.resize(size);
  if (std::fread(bytes_.data(), 1, size, file_.get()) != size)
    return unreadable(path_, std::ferror(file_.get()) ? std::strerror(errno) : "it became shorter");
  left_ -= size;
  return {};
}

error object_file_reader::damaged(std::string_view why) const {
  return error(errc::decode,
               fmt::format("'{}' is damaged behind {} whole records: {}", path_, records_, why));
}

expected<std::vector<std::string>> part_files(const std::string& directory) {
  std::error_code code;
  std::vector<std::string> parts;
  for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code))
    if (at->path().filename().string().starts_with("part-"))
      parts.push_back(at->path().string());
  if (code)
    return unreadable(directory, code.message());
  std::sort(parts.begin(), parts.end());
  return parts;
}

} // namespace weir
