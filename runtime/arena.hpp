// Bytes that the records of one block point into.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

/// Grows in chunks and never moves what it holds: views into it stay valid until it is rewound or
/// ends, also when the arena itself is moved. Not thread-safe while it is written.
class arena {
public:
  /// @param chunk_bytes size of a chunk; a longer piece gets a chunk of its own.
  explicit arena(std::size_t chunk_bytes = 16 * 1024) : chunk_bytes_(chunk_bytes) {}

  arena(arena&& other) noexcept
      : chunk_bytes_(other.chunk_bytes_), left_(std::exchange(other.left_, 0)),
        used_(std::exchange(other.used_, 0)), next_(std::exchange(other.next_, nullptr)),
        chunks_(std::move(other.chunks_)) {}
  arena& operator=(arena&& other) noexcept {
    std::swap(chunk_bytes_, other.chunk_bytes_);
    std::swap(left_, other.left_);
    std::swap(used_, other.used_);
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
    used_ += size;
    return at;
  }

  /// A copy of `bytes` that lives as long as the arena. The copy of an empty view is empty, but not
  /// null.
  [[nodiscard]] std::string_view copy(std::string_view bytes) {
    char* at = allocate(bytes.size());
    if (!bytes.empty())
      std::memcpy(at, bytes.data(), bytes.size());
    return {at ? at : "", bytes.size()};
  }

  /// Bytes handed out since the last rewind.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  /// Forgets everything that was handed out and keeps one ordinary chunk for what comes.
  void rewind() noexcept {
    if (chunks_.size() > 1)
      chunks_.erase(chunks_.begin() + 1, chunks_.end());
    if (!chunks_.empty() && chunks_.front().size != chunk_bytes_)
      chunks_.clear();
    used_ = 0;
    next_ = chunks_.empty() ? nullptr : chunks_.front().bytes.get();
    left_ = chunks_.empty() ? 0 : chunk_bytes_;
  }

private:
  struct chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };

  void grow(std::size_t size) {
    const std::size_t wanted = size > chunk_bytes_ ? size : chunk_bytes_;
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(wanted), wanted});
    next_ = chunks_.back().bytes.get();
    left_ = wanted;
  }

  std::size_t chunk_bytes_;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
  char* next_ = nullptr;
  std::vector<chunk> chunks_;
};

} // namespace weir
