// What others' code throws becomes an error that names where. Used wherever the engine calls a
// stage, a receiver, a source or a hook.
#pragma once

#include <weir/runtime/expected.hpp>

#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weir {

class graph;

/// The exception being handled as an error: "'who' threw: what". Call inside a `catch`.
/// @returns `otherwise` as its code, or errc::out_of_budget when memory was refused.
[[nodiscard]] error thrown_by(std::string_view who, errc otherwise = errc::user_function_failed);

/// What the call returns, or the error that it throws. A call that returns nothing cannot fail but
/// by throwing.
/// @param who gives the name for the message; asked only then.
template <class Who, class Call>
auto guarded(Who&& who, Call&& call, errc otherwise = errc::user_function_failed) {
  using result = std::invoke_result_t<Call&>;
  using answer = std::conditional_t<std::is_void_v<result>, expected<void>, result>;
  try {
    if constexpr (std::is_void_v<result>) {
      call();
      return answer();
    } else {
      return answer(call());
    }
  } catch (...) {
    return answer(thrown_by(who(), otherwise));
  }
}

/// The job, known by its graph, whose stage or receiver the calling thread is in; or null.
inline thread_local const graph* called_by = nullptr;

/// While it lives, the calling thread is in a stage or receiver of that job.
class call_of {
public:
  explicit call_of(const graph& job) : before_(std::exchange(called_by, &job)) {}
  ~call_of() { called_by = before_; }
  call_of(const call_of&) = delete;
  call_of& operator=(const call_of&) = delete;

private:
  const graph* before_; ///< Of a job that runs another one in line.
};

} // namespace weir
