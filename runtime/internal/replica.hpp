// One running copy of a node: what an executor drives. Next: receiver_replica.hpp,
// stage_replica.hpp.
#pragma once

#include <weir/runtime/internal/outbox.hpp>

#include <memory>

namespace weir {

/// What stands between an executor and the work of one node. It has no thread: every call comes
/// from the executor, one at a time. After each call it has done all it can do now.
class replica {
public:
  virtual ~replica() = default;

  [[nodiscard]] virtual replica_id id() const noexcept = 0;
  [[nodiscard]] virtual node_id node() const noexcept = 0;

  virtual expected<void> open(std::function<void()> wake) = 0;

  /// A batch starts. Only receivers act on it; the others learn of it by its first block or
  /// barrier.
  virtual void start(batch_ptr whole) = 0;

  /// The open-ended batch ends: a receiver stops where it is and sends the barrier.
  virtual void cut(epoch) {}
  virtual void take(data_message message) = 0;
  virtual void take(mark_message message) = 0;
  virtual void take(grant_message message) = 0;

  /// Goes on where it was blocked, after `wake` or `yield`.
  virtual void resume() = 0;

  /// Every replica has prepared the batch; only for those whose report asked for it. Answers with
  /// `transport::committed`.
  virtual void commit(epoch) {}

  /// Forgets the batch, and every block of it that is still under way; answers with
  /// `transport::aborted`.
  /// @param decided the last batch that is final.
  virtual void abort(epoch at, epoch decided) = 0;
  virtual void close(epoch decided) noexcept = 0;
};

/// What all replicas of a running job share. Outlives them.
struct replica_environment {
  const graph* job = nullptr;
  const plan* all = nullptr;
  transport* out = nullptr;
  const weir::clock* clock = nullptr;
  std::function<void(log_level, std::string_view component, std::string_view message)> log;
  /// By `source_id`: makes the receiver of one replica.
  std::function<std::unique_ptr<receiver>(source_id, std::uint32_t)> make_receiver;
  /// Resumes a replica, now or at that time. From any thread.
  std::function<void(replica_id)> resume{};
  std::function<void(replica_id, steady_time)> resume_at{};
  std::function<void(std::string_view)> on_thread_start{};
};

/// The replica with this number within its node.
/// @returns an error when the node makes none or throws.
expected<std::unique_ptr<replica>> make_replica(const replica_environment& environment,
                                                node_id node, std::uint32_t index);

/// The context that a replica hands to its stage or receiver.
replica_context make_replica_context(const replica_environment& environment, node_id node,
                                     std::uint32_t index, retained_account& retained,
                                     std::function<void()> wake);

} // namespace weir
