// Tells ThreadSanitizer what it cannot see in a CAF that was built without it: messages order what threads do.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace weir::actors {

/// One per actor. Senders release it before a send; the actor acquires it at the entry of a handler and releases it at the
/// end, because its next handler may run on another worker thread.
class hand_off {
public:
  /// One handler of the actor, from beginning to end.
  class turn {
  public:
    explicit turn(hand_off& of) noexcept : of_(&of) { of_->acquire(); }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { of_->release(); }

  private:
    hand_off* of_;
  };

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
