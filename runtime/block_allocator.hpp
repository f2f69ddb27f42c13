// Where blocks get their storage: from new, or from the host's memory resource. Used by block.hpp
// and arena.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <type_traits>

namespace weir {

/// An allocator for the storage of blocks. Unlike std::pmr::polymorphic_allocator it moves along
/// with a container, and does not reach into the elements.
template <class T>
class block_allocator {
public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  /// @param memory thread-safe, outlives every block; null: new and delete.
  block_allocator(std::pmr::memory_resource* memory = nullptr) noexcept : memory_(memory) {}
  template <class U>
  block_allocator(const block_allocator<U>& other) noexcept : memory_(other.memory()) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    return memory_ ? static_cast<T*>(memory_->allocate(count * sizeof(T), alignof(T)))
                   : std::allocator<T>().allocate(count);
  }
  void deallocate(T* at, std::size_t count) noexcept {
    if (memory_)
      memory_->deallocate(at, count * sizeof(T), alignof(T));
    else
      std::allocator<T>().deallocate(at, count);
  }

  [[nodiscard]] std::pmr::memory_resource* memory() const noexcept { return memory_; }
  friend bool operator==(const block_allocator&, const block_allocator&) = default;

private:
  std::pmr::memory_resource* memory_;
};

} // namespace weir
