// The work between two exchanges of blocks, one object per replica. It knows nothing of actors.
// Next on the data path: operators/shuffle.hpp, then sink.hpp.
#pragma once

#include <weir/runtime/barrier.hpp>
#include <weir/runtime/batch.hpp>
#include <weir/runtime/block.hpp>
#include <weir/runtime/block_builder.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/log.hpp>
#include <weir/runtime/watermark.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace weir {

/// A block and the logical partition of the consumer's input that it belongs to.
struct parcel {
  block_ptr data;
  partition_id partition;
};

/// How far a resumable call came.
enum class progress {
  done,    ///< All work of the call is done.
  blocked, ///< It stopped because output has no credit or the outside world is not ready; call
           ///< again later.
};

/// Takes the blocks that a stage or receiver makes. Implemented by the replica that runs it.
class emitter {
public:
  virtual ~emitter() = default;

  /// Hands a block to every consumer of the node. Never refuses: it queues what has no credit.
  virtual void emit(partition_id partition, block_ptr data) = 0;

  /// Hands a block to the consumers that read the node's side output, e.g. snapshots of its state.
  virtual void emit_side(partition_id partition, block_ptr data) {
    (void)partition;
    (void)data; // nobody reads it
  }

  /// Whether something waits for credit. Then stop after the present record and return `blocked`.
  /// Asked per record, so it is no virtual call: the answer changes when a block leaves.
  [[nodiscard]] bool blocked() const noexcept { return waiting_blocks_ > 0; }

protected:
  std::size_t waiting_blocks_ = 0; ///< For credit.
};

/// Bytes that a replica keeps beyond the block they came in: windows, groups, join sides, whole
/// batches. Taking more than the node's share of the memory budget fails the batch; it never
/// withholds credit.
class retained_account {
public:
  virtual ~retained_account() = default;

  /// @returns errc::out_of_budget naming the operator, its share and what was asked for.
  virtual expected<void> take(std::size_t bytes) = 0;
  virtual void give_back(std::size_t bytes) noexcept = 0;
};

/// What a replica's environment offers it, valid from `open` to `close`.
struct replica_context {
  node_id node;
  std::string name;        ///< Label of the operator, for messages.
  std::string identity;    ///< What `.named()` gave it, or empty.
  std::uint32_t index = 0; ///< Which replica of the node this is.
  std::uint32_t replicas =
      1; ///< How many replicas the node has. Replica i hosts partitions p with p % replicas == i.
  std::uint32_t output_partitions = 0; ///< Of a node with a fixed number; 0: as its input.
  std::optional<source_id> reads_from; ///< The source whose partitions reach this node unchanged.
  block_limits limits;                 ///< How large blocks may be on the node's output.
  retained_account* retained = nullptr;
  std::size_t retained_share = 0; ///< Bytes that `retained` may come to; 0: not limited.
  std::function<void()> wake;     ///< Thread-safe: asks for the blocked call to be made again.
  std::function<void(log_level, std::string_view)> log; ///< Thread-safe; never null.
  std::function<void(steady_time)>
      wake_at{}; ///< Thread-safe: the same, once, at that time of the job's clock.
  std::function<void(std::string_view)>
      on_thread_start{}; ///< The host's hook, for threads that the stage starts; or null.
  const weir::clock* clock = nullptr; ///< The job's clock.
};

/// What a stage did in one batch, beyond the records that the replica counts itself.
struct stage_counts {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t dropped = 0; ///< Records that an error policy left out: `drop` or `dead_letter`.
  std::uint64_t late = 0;    ///< Records that were left out because the watermark had passed them.
  std::uint64_t state_keys = 0;  ///< Keys with state, when the batch ended.
  std::uint64_t state_bytes = 0; ///< What their state takes in memory.
  std::uint64_t evicted = 0;     ///< Keys whose state a limit removed (`ttl`, `max_keys`).
};

/// Where a call resumes inside an input block. Reset to 0 by the replica for each new block.
struct block_cursor {
  std::size_t next_record = 0;
};

/// One replica of one stage.
///
/// Calls come from one thread at a time, in this order: `open`; then per batch `begin`, any number
/// of `process` (again with the same block and cursor until it returns `done`), `end` and `prepare`
/// (each again until `done`); when every replica of the job has come so far, `commit` (again until
/// `done`) of those that asked for it; then `committed`, before the next `begin`. At last `close`.
/// In an open-ended batch `flush` comes between calls of `process`. Until `committed` an `abort`
/// may come between any two calls and ends the batch: after `prepare` too, when another replica
/// fails it. After an error only `abort` and `close` follow. A `close` before `committed` leaves it
/// open whether the batch counts: what was prepared stays as it is.
class stage {
public:
  virtual ~stage() = default;

  virtual expected<void> open(const replica_context&) { return {}; }
  virtual expected<void> begin(const batch&) { return {}; }

  /// Works on `in` from `cursor` on; `input` is the index of the edge it came in by.
  virtual expected<progress> process(std::uint32_t input, const parcel& in, block_cursor& cursor,
                                     emitter& out) = 0;

  /// No more input is there now: sends what was collected only to fill a block. Must emit no more
  /// than a block per output partition, so it is not resumed.
  virtual void flush(emitter&) {}

  /// All inputs have ended this batch: emits what was collected.
  virtual expected<progress> end(const barrier& mark, emitter& out) = 0;

  /// Nothing of the batch changes any more. Writes down what must survive, not yet valid, and
  /// shows nothing outside that could not be undone.
  virtual expected<progress> prepare() { return progress::done; }
  /// Whether it has something to show outside, once every replica has prepared.
  [[nodiscard]] virtual bool commits() const noexcept { return false; }
  virtual expected<progress> commit() { return progress::done; }

  /// The batch that began last is final: what would undo it may go. Once per batch; what is lost
  /// with the process before it came is up to the next `open`.
  virtual expected<void> committed() { return {}; }

  /// Undoes every change of the batch that began last, as far as it is not committed.
  virtual void abort() noexcept = 0;
  virtual void close() noexcept {}

  /// What happened since `begin`.
  [[nodiscard]] virtual stage_counts counts() const noexcept = 0;

  /// Of a stage that assigns timestamps: the latest event time since `begin` of each partition that
  /// had a record.
  [[nodiscard]] virtual std::span<const partition_event_time> event_times() const noexcept {
    return {};
  }
};

} // namespace weir
