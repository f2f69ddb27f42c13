// Tells ThreadSanitizer what it cannot see in a CAF that was built without it: messages order what
// threads do. Nothing of it is left in other builds.
#pragma once

#include <caf/all.hpp>

#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace weir::actors {

#if defined(__SANITIZE_THREAD__)

/// All that this thread did is done for those who acquire the address later.
inline void release(void* address) noexcept { __tsan_release(address); }
inline void acquire(void* address) noexcept { __tsan_acquire(address); }

/// An actor that each sender releases, and that each of its own turns acquires and releases: the
/// next may run on another thread. Only the address is used, as even a look at a member would race.
template <class Actor>
class handed_off : public Actor {
public:
  using Actor::Actor;
  using Actor::consume;
  using Actor::enqueue;

  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* from) override {
    release(address());
    Actor::enqueue(std::move(message), from);
  }

  caf::resumable::resume_result resume(caf::execution_unit* on, size_t most) override {
    acquire(address());
    const auto result = Actor::resume(on, most);
    release(address());
    return result;
  }

  /// One message of the turn. It may have come in after the turn began; and when it is the last,
  /// the next turn may begin elsewhere before this one has returned.
  caf::invoke_message_result consume(caf::mailbox_element& message) override {
    acquire(address());
    const auto result = Actor::consume(message);
    release(address());
    return result;
  }

  /// The end of the actor: drops the messages that are left, tells those who wait.
  bool cleanup(caf::error&& why, caf::execution_unit* on) override {
    acquire(address());
    release(address());
    return Actor::cleanup(std::move(why), on);
  }

  /// The last reference is gone, on any thread.
  void on_destroy() override {
    acquire(address());
    Actor::on_destroy();
  }

private:
  void* address() noexcept { return static_cast<caf::abstract_actor*>(this); }
};

/// The actor has ended, as the caller has learned by a message; now the caller lets go of it.
template <class Handle>
void hand_back(const Handle& actor) noexcept {
  auto* address = caf::actor_cast<caf::abstract_actor*>(actor);
  acquire(address);
  release(address);
}

#else

inline void release(void*) noexcept {}
inline void acquire(void*) noexcept {}

template <class Actor>
using handed_off = Actor;

template <class Handle>
void hand_back(const Handle&) noexcept {}

#endif

} // namespace weir::actors
