// Counts what a program allocates: it replaces operator new, so one source of a program includes
// it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace weir::test {

inline std::atomic<std::size_t> allocations = 0;

inline void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* at = alignment > alignof(std::max_align_t)
                 ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                 : std::malloc(size ? size : 1);
  if (!at)
    throw std::bad_alloc();
  return at;
}

} // namespace weir::test

void* operator new(std::size_t size) { return weir::test::counted(size, 0); }
void* operator new[](std::size_t size) { return weir::test::counted(size, 0); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return weir::test::counted(size, 0);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return weir::test::counted(size, 0);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return weir::test::counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
