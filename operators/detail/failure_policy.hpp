// What becomes of a record whose user function throws. Used by detail/fused_stage.hpp.
#pragma once

#include <weir/runtime/options.hpp>
#include <weir/runtime/stage.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::detail {

/// The operators of a stage, shared by its replicas and fixed once the job has started: index 0 is
/// the head, then the steps, last the tail.
struct stage_operators {
  std::vector<std::string> kinds;
  std::vector<weir::on_error> policies;
};

/// Notes exceptions of user functions where they are caught, and decides once the record's place is
/// known. One per replica; nothing here runs for records that do not throw, except the look at
/// `noted()`.
class failure_policy {
public:
  explicit failure_policy(std::shared_ptr<const stage_operators> operators)
      : operators_(std::move(operators)) {}

  void open(const replica_context& context) { context_ = context; }
  void begin(const batch& whole);
  void clear() noexcept;

  /// The function of operator `index` threw. Call inside the `catch`.
  [[gnu::noinline, gnu::cold]] void threw(std::size_t index) noexcept;

  [[nodiscard]] bool noted() const noexcept { return noted_; }

  /// Whether the batch goes on without what made operator `index` throw.
  [[nodiscard]] bool drops(std::size_t index) const noexcept {
    return operators_->policies[index] == on_error::drop;
  }

  /// The record was read from this partition of the stage's input, at this offset of the source (or
  /// `no_origin`).
  /// @returns errc::user_function_failed when a policy is `fail`.
  expected<void> settle(partition_id partition, std::int64_t origin);

  /// The record cannot be traced to a partition, e.g. behind a shuffle: the message names the
  /// batch's ranges.
  expected<void> settle();

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
  expected<void> settle_at(const std::string& place);

  std::shared_ptr<const stage_operators> operators_;
  replica_context context_;
  const batch* whole_ = nullptr; ///< The open batch.
  bool noted_ = false;
  bool logged_ = false; ///< One line per batch is enough.
  std::uint64_t dropped_ = 0;
  std::string last_drop_;
  std::optional<std::string> failure_;
};

} // namespace weir::detail
