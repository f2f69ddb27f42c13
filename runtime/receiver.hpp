// What reads a source at run time, one object per replica. First on the data path; next: block.hpp.
#pragma once

#include <weir/runtime/stage.hpp>

namespace weir {

/// What a call of `receiver::receive` found.
enum class received {
  records,  ///< It emitted at least one block; call again.
  nothing,  ///< Nothing is there now, or may be read now; `replica_context::wake` or `wake_at` will
            ///< ask for the next call.
  complete, ///< Every range of this replica has been read up to its end. Never in an open-ended
            ///< batch.
};

/// One replica of a source.
///
/// Calls come from one thread at a time: `open`, then per batch `begin` and any number of `receive`
/// until `complete`, or of an open-ended batch until `cut`; `abort` ends a batch early, `close` is
/// last. It is not called while the replica has no credit, so a receiver that is not called must
/// not go on collecting: TCP or the broker holds the rest.
class receiver {
public:
  virtual ~receiver() = default;

  virtual expected<void> open(const replica_context&) { return {}; }

  /// @param work which ranges the batch reads; the receiver takes those that its source assigned to
  /// this replica.
  virtual expected<void> begin(const batch& whole, const source_batch& work) = 0;

  /// Reads about one block, without waiting. Emits it with the index of its range as partition.
  virtual expected<received> receive(emitter& out) = 0;

  /// Ends the open-ended batch here: emits what it has collected and not emitted yet, and reads on
  /// in the next batch. Only asked of receivers whose source `runs_continuously`.
  /// @returns how far each range of this replica has been read and emitted.
  virtual expected<std::vector<range_end>> cut(emitter&) { return std::vector<range_end>(); }

  /// Forgets what was read of the open batch: its ranges are not done.
  virtual void abort() noexcept = 0;
  virtual void close() noexcept {}

  /// Records, or larger pieces of input, that a policy of the receiver's left out since `begin`.
  [[nodiscard]] virtual std::uint64_t dropped() const noexcept { return 0; }
};

} // namespace weir
