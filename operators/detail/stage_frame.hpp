// What all fused stages do in the same way, whatever their records: the order of calls, the error
// policy, the calls that wait. Compiled once. Next: detail/fused_stage.hpp, which adds head, steps
// and tail.
#pragma once

#include <weir/operators/detail/failure_policy.hpp>
#include <weir/operators/detail/later_calls.hpp>
#include <weir/operators/detail/view_watch.hpp>
#include <weir/runtime/stage.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace weir::detail {

/// A stage without its functions. A fused stage fills in the hooks, each called once per block, per
/// batch or per life; what runs per record is in none of them.
class stage_frame : public stage {
public:
  ~stage_frame() override;

  expected<void> open(const replica_context& context) final;
  expected<void> begin(const batch& whole) final;
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor& cursor,
                             emitter& out) final;
  expected<progress> end(const barrier& mark, emitter& out) final;
  expected<progress> prepare() final;
  [[nodiscard]] bool commits() const noexcept final;
  expected<progress> commit() final;
  expected<void> committed() final;
  void abort() noexcept final;
  void close() noexcept final;
  [[nodiscard]] stage_counts counts() const noexcept final;

  /// One more replica of this stage, which has not been opened.
  [[nodiscard]] virtual std::unique_ptr<stage_frame> replica() const = 0;

protected:
  explicit stage_frame(std::shared_ptr<const stage_operators> operators);
  /// A replica: it shares the names and policies of the operators and nothing else.
  stage_frame(const stage_frame& prototype);

  /// Steps, tail, then head.
  virtual expected<void> open_parts(const replica_context& context) = 0;
  virtual expected<void> begin_parts(const batch& whole) = 0;
  virtual expected<progress> take(std::uint32_t input, const parcel& in, block_cursor& cursor,
                                  emitter& out) = 0;
  virtual expected<progress> end_head(const barrier& mark, emitter& out) = 0;
  virtual expected<progress> end_tail(emitter& out) = 0;
  virtual expected<void> leave_tail(emitter& out) = 0;
  /// What comes next belongs to `partition_` and `origin_`, and to no block of the input.
  virtual void enter_again() = 0;
  virtual expected<void> prepare_parts() = 0;
  /// The batch that began last is final.
  virtual expected<void> commit_parts() = 0;
  virtual void undo_parts() noexcept = 0;
  virtual void close_parts() noexcept = 0;
  virtual void count_parts(stage_counts& all) const noexcept = 0;

  failure_policy faults_;
  later_calls later_;
  std::unique_ptr<view_watch> watch_;     ///< In tests.
  std::optional<partition_id> partition_; ///< Which the head has entered.
  std::int64_t origin_ = no_origin;       ///< Which it has told.
  std::uint64_t records_in_ = 0;

private:
  expected<progress> make_up(emitter& out);

  bool block_done_ = false; ///< The head is done with the block; a call still waits.
  bool head_done_ = false;
  bool parts_prepared_ = false;

  friend class stage_flow;
};

/// The part of a head's flow that is the same for all records.
class stage_flow {
public:
  stage_flow(stage_frame& frame, emitter& out) : frame_(&frame), out_(&out) {}

  /// A block for whoever reads the node's side output.
  void emit_side(partition_id partition, block_ptr data) {
    out_->emit_side(partition, std::move(data));
  }

  /// Whether no more may be pushed now.
  [[nodiscard]] bool blocked() const noexcept { return waits() || out_->blocked(); }
  /// Whether that is because a record waits for a retry.
  [[nodiscard]] bool waits() const noexcept { return frame_->later_.waits(); }

  /// Whether a user function has thrown since the last `settle`.
  [[nodiscard]] bool noted() const noexcept { return frame_->faults_.noted(); }
  /// Decides about what was noted. @returns the error when the policy is to fail.
  /// @param record what the head knows of the record that it pushed, for dead letters.
  expected<void> settle(partition_id partition, std::int64_t origin, original record = {});
  /// The same for records that cannot be traced to a partition.
  expected<void> settle_noted() {
    if (noted()) [[unlikely]]
      return settle_unplaced();
    return {};
  }

  /// The head's own user function threw; call it inside the `catch`.
  void threw() { frame_->faults_.threw(0); }
  /// The same, before it has passed anything on. @returns whether to call it again when the stage
  /// calls the head again; until then the head is blocked.
  /// @param failures in vain before this one.
  bool threw(std::uint32_t failures);
  /// Whether what makes it throw is dropped, so that what was collected must survive.
  [[nodiscard]] bool drops() const noexcept { return frame_->faults_.drops(0); }

  /// For heads with a function that may give views: what looks at them, or null.
  [[nodiscard]] view_watch* watch() const noexcept { return frame_->watch_.get(); }

  void count_in(std::uint64_t records) { frame_->records_in_ += records; }

protected:
  stage_frame* frame_;
  emitter* out_;

private:
  expected<void> settle_unplaced();
};

} // namespace weir::detail
