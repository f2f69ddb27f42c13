// Runs one replica of a source: reads while there is credit. Next: block_builder.hpp, then the
// consumer's stage_replica.
#pragma once

#include <weir/runtime/internal/replica.hpp>

namespace weir {

/// A receiver with its outbox. Out of credit it stops calling the receiver: TCP or the broker holds
/// the rest.
class receiver_replica final : public replica {
public:
  receiver_replica(const replica_environment& environment, node_id node, std::uint32_t index,
                   std::unique_ptr<receiver> work);

  [[nodiscard]] replica_id id() const noexcept override { return id_; }
  [[nodiscard]] node_id node() const noexcept override { return node_; }
  expected<void> open(std::function<void()> wake) override;
  void start(batch_ptr whole) override;
  void cut(epoch at) override;
  void take(data_message) override {}
  void take(mark_message) override {}
  void take(grant_message message) override;
  void resume() override;
  void abort(epoch at, epoch decided) override;
  void close(epoch decided) noexcept override;

private:
  /// Makes a call of the receiver. What it throws becomes the call's error, with the source's name.
  template <class Call>
  auto guarded_call(Call&& call);
  void fail(epoch at, error reason);
  void advance();
  void read();
  void finish_batch();

  const replica_environment* environment_;
  node_id node_;
  std::uint32_t index_;
  replica_id id_;
  source_id source_;
  retained_share retained_;
  std::unique_ptr<receiver> work_;
  outbox out_;
  batch_ptr open_; ///< Set while there are ranges to read.
  bool failed_ = false;
  bool was_blocked_ = false;
  bool awaits_turn_ = false; ///< Credit that comes meanwhile must not ask for a second one.
  steady_time stamp_{};
  replica_report report_;
};

} // namespace weir
