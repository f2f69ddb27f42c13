// What all steps share: how a user function is called so that only its own exceptions are its own.
// Next: step/map.hpp, the simplest step.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/timed.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::step {

/// A step is a class with
///
/// - `static constexpr std::string_view kind`, its name in plans and errors,
/// - `template <class In> using output`, the type of the records it passes on,
/// - `template <class Record, class Next> void on_record(Record&& record, Next&& next)`, which
/// calls
///   `next.on_record(...)`, or any number of times `next.on_element(...)`; from a `catch`
///   `next.threw(record)` when the user's function threw before anything was passed on, else
///   `next.threw()`; and `next.refused(error)` for a record that it cannot use,
/// - and, if it wants to hear of its replica, of each batch before the first record, or of the
///   partition that the next records belong to, `void open(const replica_context&)`,
///   `void begin(const batch&)`, `void enter(partition_id)`.
///
/// Functions see the value of a timed record (`value_of`), and their result keeps its time
/// (`with_time_of`).
///
/// Steps are copied once per replica and run on one thread at a time, so neither they nor the
/// functions in them need to be thread-safe. The compiler fuses a run of steps into one loop: no
/// virtual call, no allocation of weir's own.
template <class Step, class In>
using output_of = typename Step::template output<In>;

namespace detail {

/// The result of a user function, by value or by reference.
template <class Result>
class result_slot {
public:
  template <class Make>
  void make(Make&& call) {
    value_.emplace(std::forward<Make>(call)());
  }
  Result&& take() { return std::move(*value_); }

private:
  std::optional<Result> value_;
};

template <class Result>
class result_slot<Result&> {
public:
  template <class Make>
  void make(Make&& call) {
    value_ = std::addressof(std::forward<Make>(call)());
  }
  Result& take() { return *value_; }

private:
  Result* value_ = nullptr;
};

} // namespace detail

/// Tells a user's function of the batch that begins, if it wants to know: see
/// operators/table/broadcast.hpp.
template <class Function>
void begin_function(Function& function, const batch& whole) {
  if constexpr (requires { function.begin(whole); })
    function.begin(whole);
}

/// Calls `call()`, then `use(result)` outside of the `try`; or `failed()` inside the `catch`.
/// Always inlined: the `try` weighs so much that the compiler would rather call each step of a
/// chain.
template <class Call, class Use, class Failed>
[[gnu::always_inline]] inline void call_guarded(Call&& call, Use&& use, Failed&& failed) {
  using result = std::invoke_result_t<Call&>;
  if constexpr (std::is_void_v<result>) {
    try {
      call();
    } catch (...) {
      failed();
      return;
    }
    use();
  } else {
    detail::result_slot<result> made;
    try {
      made.make(call);
    } catch (...) {
      failed();
      return;
    }
    use(made.take());
  }
}

/// Calls `call()`, then `use(result)` outside of the `try`; or tells `next` that the user's
/// function threw. The policy may then have this step called again with `record`, later, which must
/// be what `on_record` was given.
template <class Record, class Call, class Next, class Use>
void guarded(Record&& record, Call&& call, Next& next, Use&& use) {
  call_guarded(call, use, [&] { next.threw(std::forward<Record>(record)); });
}

} // namespace weir::step
