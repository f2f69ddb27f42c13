// The threads of C11, which librdkafka uses, done by those of POSIX: GCC's thread sanitizer knows
// the latter only, and crashes in a thread that it has not seen start. Linked under that sanitizer
// alone.
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

#include <pthread.h>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

pthread_mutex_t* posix(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* posix(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

int c11(int result) {
  switch (result) {
  case 0:
    return thrd_success;
  case ETIMEDOUT:
    return thrd_timedout;
  case EBUSY:
    return thrd_busy;
  case ENOMEM:
    return thrd_nomem;
  default:
    return thrd_error;
  }
}

struct start {
  thrd_start_t function;
  void* argument;
};

void* run(void* argument) {
  const auto what = *std::unique_ptr<start>(static_cast<start*>(argument));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(what.function(what.argument)));
}

} // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto what = std::make_unique<start>(function, argument);
  const auto result = pthread_create(thread, nullptr, run, what.get());
  if (result == 0)
    (void)what.release(); // run() has it
  return c11(result);
}

int thrd_join(thrd_t thread, int* returned) {
  void* value = nullptr;
  const auto result = pthread_join(thread, &value);
  if (returned)
    *returned = static_cast<int>(reinterpret_cast<std::intptr_t>(value));
  return c11(result);
}

// What the C library's mtx_init() and cnd_init() make is a mutex and a condition of POSIX.
int mtx_lock(mtx_t* mutex) { return c11(pthread_mutex_lock(posix(mutex))); }
int mtx_unlock(mtx_t* mutex) { return c11(pthread_mutex_unlock(posix(mutex))); }

int cnd_signal(cnd_t* condition) { return c11(pthread_cond_signal(posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return c11(pthread_cond_broadcast(posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return c11(pthread_cond_wait(posix(condition), posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return c11(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

} // extern "C"
