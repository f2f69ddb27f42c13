// What becomes of a record that an operator cannot use. Next: operators/detail/failure_policy.hpp.
#pragma once

#include <weir/runtime/dead_letter.hpp>
#include <weir/runtime/sink.hpp>

#include <cstdint>
#include <memory>

namespace weir {

/// What becomes of a record whose user function throws, or that is not what its operator expects.
/// A value; copies share the sink.
///
///     events.apply(parse_json<event>()).on_error(on_error::drop)
///     rows.map(ask_service).on_error(on_error::retry(3, 100ms, on_error::dead_letter(sink)))
class on_error {
public:
  /// The batch fails and the job stops; nothing of the batch is committed.
  static const on_error fail;

  /// The record is left out and counted in the batch report. At most one line per second and
  /// replica is logged, with its place and the reason, never with its bytes.
  static const on_error drop;

  /// The record is left out, counted, and handed to a sink with its place and the reason. That is
  /// part of the batch: when the sink fails, the batch fails. At least once.
  /// @param to must allow several replicas (`sink_traits::parallel`): every replica of the operator
  ///           opens one, also when nothing goes wrong.
  [[nodiscard]] static on_error dead_letter(sink_factory<weir::dead_letter> to);

  /// The function is called again, after `first_wait`, then after twice that, and so on; at last
  /// `otherwise` decides. For functions that ask the outside world, in the steps that call a
  /// function per record (map, filter, flat_map, inspect and their kind) and in map_partitions and
  /// transform, which call it again with the same view. Elsewhere `otherwise` decides at once, and
  /// so it does for what a step throws after it has passed something on, such as the later elements
  /// of a lazy range.
  ///
  /// The waits follow the job's clock and hold up nothing but the operator's stage: neither other
  /// stages, nor a stop, nor, in line, the host. What comes behind the record waits with it; what
  /// was called before is not called again. The stage has a thread of its own, as the function
  /// itself may take its time. The record is kept meanwhile, so its type must be self-contained or
  /// one whose views weir can copy (record_traits.hpp): else `start` refuses the policy, or, when
  /// it is the context's default, `otherwise` decides at once.
  /// @param times 1 to 16.
  /// @param first_wait >= 0; all waits together at most 60 s.
  /// @param otherwise not another retry.
  [[nodiscard]] static on_error retry(std::uint32_t times, duration first_wait,
                                      const on_error& otherwise = fail);

  /// The same policy with another limit to what `drop` and `dead_letter` put up with: when more
  /// than this share of the records that a replica of the operator took in the last 10 batches that
  /// had any was bad, the batch fails. Judged once there were 10 such batches or 1,000 records.
  /// @param ratio more than 0, up to 1, which never fails. Default 0.01.
  [[nodiscard]] on_error max_bad_ratio(double ratio) const;

  /// @returns errc::invalid_config naming what is out of range.
  [[nodiscard]] expected<void> check() const;

  // ---- for operators

  enum class action : std::uint8_t { fail, drop, dead_letter };

  [[nodiscard]] action finally() const noexcept { return action_; }
  [[nodiscard]] double bad_ratio() const noexcept { return bad_ratio_; }
  [[nodiscard]] std::uint32_t retries() const noexcept { return retries_; }
  /// How long to wait before retry `attempt`, from 0.
  [[nodiscard]] duration wait_before(std::uint32_t attempt) const noexcept {
    return first_wait_ * (std::int64_t{1} << attempt);
  }
  [[nodiscard]] const std::shared_ptr<const sink_factory<weir::dead_letter>>&
  letters() const noexcept {
    return letters_;
  }
  /// Whether the stage needs a thread of its own.
  [[nodiscard]] bool blocking() const noexcept {
    return retries_ > 0 || (letters_ && letters_->traits.blocking);
  }

private:
  constexpr explicit on_error(action then) : action_(then) {}

  action action_;
  bool retries_twice_ = false;
  std::uint32_t retries_ = 0;
  double bad_ratio_ = 0.01;
  duration first_wait_{};
  std::shared_ptr<const sink_factory<weir::dead_letter>> letters_;
};

inline constinit const on_error on_error::fail{action::fail};
inline constinit const on_error on_error::drop{action::drop};

} // namespace weir
