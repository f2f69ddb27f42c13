// Bytes that the records of one block point into.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// Grows in chunks and never moves what it holds: views into it stay valid as long as it lives, also when
/// the arena itself is moved. Not thread-safe while it is written.
class arena {
public:
  /// @param chunk_bytes size of a chunk; a longer piece gets a chunk of its own.
  explicit arena(std::size_t chunk_bytes = 16 * 1024) : chunk_bytes_(chunk_bytes) {}

  arena(arena&& other) noexcept
      : chunk_bytes_(other.chunk_bytes_), left_(std::exchange(other.left_, 0)), reserved_(std::exchange(other.reserved_, 0)),
        next_(std::exchange(other.next_, nullptr)), chunks_(std::move(other.chunks_)) {}
  arena& operator=(arena&& other) noexcept {
    std::swap(chunk_bytes_, other.chunk_bytes_);
    std::swap(left_, other.left_);
    std::swap(reserved_, other.reserved_);
    std::swap(next_, other.next_);
    std::swap(chunks_, other.chunks_);
    return *this;
  }

  /// Room for `size` bytes, not aligned. O(1); allocates once per chunk.
  [[nodiscard]] char* allocate(std::size_t size) {
    if (size > left_) [[unlikely]]
      grow(size);
    char* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }

  /// A copy of `bytes` that lives as long as the arena. The copy of an empty view is empty, but not null.
  [[nodiscard]] std::string_view copy(std::string_view bytes) {
    char* at = allocate(bytes.size());
    if (!bytes.empty())
      std::memcpy(at, bytes.data(), bytes.size());
    return {at ? at : "", bytes.size()};
  }

  /// Bytes taken from the system.
  [[nodiscard]] std::size_t reserved() const noexcept { return reserved_; }

private:
  void grow(std::size_t size) {
    const std::size_t wanted = size > chunk_bytes_ ? size : chunk_bytes_;
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(wanted));
    next_ = chunks_.back().get();
    left_ = wanted;
    reserved_ += wanted;
  }

  std::size_t chunk_bytes_;
  std::size_t left_ = 0;
  std::size_t reserved_ = 0;
  char* next_ = nullptr;
  std::vector<std::unique_ptr<char[]>> chunks_;
};

} // namespace weir
