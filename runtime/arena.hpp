// Bytes that the records of one block point into.
#pragma once

#include <weir/runtime/block_allocator.hpp>

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
  explicit arena(std::size_t chunk_bytes = 16 * 1024, block_allocator<char> memory = {})
      : chunk_bytes_(chunk_bytes), memory_(memory) {}

  arena(arena&& other) noexcept
      : chunk_bytes_(other.chunk_bytes_), memory_(other.memory_),
        left_(std::exchange(other.left_, 0)), used_(std::exchange(other.used_, 0)),
        next_(std::exchange(other.next_, nullptr)), chunks_(std::move(other.chunks_)) {}
  arena& operator=(arena&& other) noexcept {
    std::swap(chunk_bytes_, other.chunk_bytes_);
    std::swap(memory_, other.memory_);
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

  /// Whether the bytes are in one of its chunks.
  [[nodiscard]] bool holds(std::string_view bytes) const noexcept {
    for (const auto& each : chunks_)
      if (bytes.data() >= each.bytes.get() &&
          bytes.data() + bytes.size() <= each.bytes.get() + each.capacity())
        return true;
    return false;
  }

  /// Bytes handed out since the last rewind.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  /// Forgets everything that was handed out and keeps one ordinary chunk for what comes.
  void rewind() noexcept {
    if (chunks_.size() > 1)
      chunks_.erase(chunks_.begin() + 1, chunks_.end());
    if (!chunks_.empty() && chunks_.front().capacity() != chunk_bytes_)
      chunks_.clear();
    used_ = 0;
    next_ = chunks_.empty() ? nullptr : chunks_.front().bytes.get();
    left_ = chunks_.empty() ? 0 : chunk_bytes_;
  }

private:
  struct give_back {
    block_allocator<char> memory;
    std::size_t size;
    void operator()(char* at) noexcept { memory.deallocate(at, size); }
  };
  struct chunk {
    std::unique_ptr<char, give_back> bytes;
    [[nodiscard]] std::size_t capacity() const noexcept { return bytes.get_deleter().size; }
  };

  void grow(std::size_t size) {
    const std::size_t wanted = size > chunk_bytes_ ? size : chunk_bytes_;
    chunks_.push_back(
        {std::unique_ptr<char, give_back>(memory_.allocate(wanted), {memory_, wanted})});
    next_ = chunks_.back().bytes.get();
    left_ = wanted;
  }

  std::size_t chunk_bytes_;
  block_allocator<char> memory_;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
  char* next_ = nullptr;
  std::vector<chunk> chunks_;
};

} // namespace weir
