// Calls of steps that wait until they are made again: the retries of an error policy. Used by
// detail/fused_stage.hpp.
#pragma once

#include <weir/runtime/arena.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/record_traits.hpp>
#include <weir/runtime/stage.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::detail {

/// A record, and its bytes, that outlives what it was passed from.
template <class T>
class kept_record {
public:
  template <class Record>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): it is never copied
  explicit kept_record(Record&& record) : value_(keep(std::forward<Record>(record))) {}

  [[nodiscard]] T& value() noexcept { return value_; }

private:
  template <class Record>
  decltype(auto) keep(Record&& record) {
    if constexpr (self_contained<T>)
      return std::forward<Record>(record);
    else
      return record_traits<T>::relocate(record, bytes_);
  }

  arena bytes_{256};
  T value_;
};

/// Whether what is passed as `Record&&` can be kept for another call.
template <class Record>
concept keepable =
    relocatable<Record> && std::move_constructible<std::remove_cvref_t<Record>> &&
    (!self_contained<Record> || std::constructible_from<std::remove_cvref_t<Record>, Record>);

/// A step with a record that it has been given.
class later_call {
public:
  virtual ~later_call() = default;
  virtual void make(emitter& out) = 0;
};

/// The calls of one replica, in the order in which they are made. There are none as long as no user
/// function throws.
class later_calls {
public:
  void open(const replica_context& context);
  void clear() noexcept { calls_.clear(); }

  /// Whether a call waits. Then what comes behind it has to wait, too.
  [[nodiscard]] bool waits() const noexcept { return !calls_.empty(); }

  /// How often step `step` has failed with the record that it has now.
  [[nodiscard]] std::uint32_t failures(std::size_t step) const noexcept {
    return step == step_ ? failures_ : 0;
  }

  /// The step has failed: `again` is made after a wait.
  void retry(std::size_t step, duration wait, std::unique_ptr<later_call> again);

  /// What is asked for is no call, but that time passes.
  void wait(duration time) { retry(no_step, time, nullptr); }

  /// The step has not been called, as something before it waits.
  void hold_back(std::size_t step, std::unique_ptr<later_call> first);

  /// Whether the first call may be made now; else the replica will be woken.
  [[nodiscard]] bool due() const;

  /// Makes it. What waits for what it passes on comes before the others.
  void make_first(emitter& out);

private:
  static constexpr auto no_step = static_cast<std::size_t>(-1);

  struct entry {
    std::size_t step;
    std::uint32_t failures;
    steady_time due;
    std::unique_ptr<later_call> call; ///< Or null: nothing but time.
  };

  const clock* clock_ = nullptr;
  std::function<void(steady_time)> wake_at_;
  std::vector<entry> calls_;
  std::size_t step_ = no_step;
  std::uint32_t failures_ = 0; ///< Of `step_`, while its call is made again.
};

} // namespace weir::detail
