// Runs one replica of a stage or sink: takes blocks, aligns barriers, returns credit. Next: the
// stage itself.
#pragma once

#include <weir/runtime/internal/replica.hpp>

namespace weir {

/// A stage with its inbox and outbox.
///
/// Invariants: no block is taken while something waits in the outbox; a block's credit goes back
/// when all that it produced has downstream credit; blocks of the next batch wait until this batch
/// has ended on every input.
class stage_replica final : public replica {
public:
  stage_replica(const replica_environment& environment, node_id node, std::uint32_t index,
                std::unique_ptr<stage> work);

  [[nodiscard]] replica_id id() const noexcept override { return id_; }
  [[nodiscard]] node_id node() const noexcept override { return node_; }
  expected<void> open(std::function<void()> wake) override;
  void start(batch_ptr) override {}
  void take(data_message message) override;
  void take(mark_message message) override;
  void take(grant_message message) override;
  void resume() override;
  void commit(epoch at) override;
  void abort(epoch at, epoch decided) override;
  void close(epoch decided) noexcept override;

private:
  using item = std::variant<data_message, mark_message>;

  struct slot_state {
    replica_id sender;
    std::uint32_t link = 0; ///< The link's index in the sender's outbox.
    std::uint32_t input = 0;
    bool ended = false; ///< Its barrier of the open batch has come.
  };

  enum class state { idle, working, ending, preparing, committing };

  /// Makes a call of the stage. What it throws becomes the call's error, with the operator's name.
  template <class Call>
  auto guarded_call(Call&& call);

  void advance();
  bool step();
  bool take_next();
  bool work_on_block();
  template <class Call>
  bool done(Call&& call);
  bool end_batch();
  bool prepare_batch();
  bool commit_batch();
  expected<void> learn(epoch decided);
  expected<void> begin(const batch_ptr& whole);
  void give_credit(std::uint32_t slot, std::size_t charge);
  void settle_owed();
  void fail(error reason);
  void flush_soon();
  void charge_partition(partition_id partition, duration busy);

  const replica_environment* environment_;
  node_id node_;
  std::uint32_t index_;
  replica_id id_;
  retained_share retained_;
  std::unique_ptr<stage> work_;
  outbox out_;
  std::vector<slot_state> slots_;

  std::deque<item> inbox_;
  std::deque<item> held_; ///< From inputs that have ended the open batch.
  state state_ = state::idle;
  data_message current_;
  block_cursor cursor_;
  std::optional<std::pair<std::uint32_t, std::size_t>>
      owed_; ///< Slot and charge of a finished block.
  batch_ptr open_;
  barrier mark_{};
  std::uint32_t ended_slots_ = 0;
  epoch first_kept_{0};            ///< Blocks of older batches belong to aborted ones.
  std::optional<epoch> undecided_; ///< Prepared here; other replicas may still fail it.
  bool failed_ = false;
  bool unflushed_ = false;    ///< The stage may have collected records since it was last flushed.
  bool awaits_flush_ = false; ///< A turn for it has been asked for.

  steady_time stamp_{};
  bool was_blocked_ = false;
  replica_report report_;
};

} // namespace weir
