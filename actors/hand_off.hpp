// Tells ThreadSanitizer what it cannot see in a CAF that was built without it: messages order what threads do.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace weir::actors {

/// One per actor. Senders release it before a send, the actor acquires it at the entry of a handler.
class hand_off {
public:
  void release() noexcept {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(this);
#endif
  }
  void acquire() noexcept {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(this);
#endif
  }
};

} // namespace weir::actors
