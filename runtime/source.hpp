// The control side of an input: knows its partitions and positions, plans ranges, commits. Next:
// receiver.hpp.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/clock.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/log.hpp>
#include <weir/runtime/rate_control.hpp>
#include <weir/runtime/receiver.hpp>
#include <weir/runtime/trigger.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// What is unread in one partition of a source.
struct partition_position {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t position = 0; ///< First offset that no batch has been planned for.
  std::int64_t latest = 0;   ///< End of the partition now, as far as a reader may see.
  bool known = true;         ///< Whether the outside has told `latest`; else there may be more.
  [[nodiscard]] std::int64_t lag() const noexcept {
    return std::max<std::int64_t>(0, latest - position);
  }
};

/// Why a source asks for the open batch to end before it changes its partitions.
enum class quiesce_kind {
  finish, ///< The partitions are still owned: finish the open batch if it can end in time, else
          ///< abort it.
  lost,   ///< They are gone: abort at once and commit nothing.
};

/// What the job offers a source. All calls from the control thread unless said otherwise.
class source_host {
public:
  virtual ~source_host() = default;

  /// Stops planning, drops the batches that wait, ends the open batch, then calls `then` on the
  /// control thread and goes on. Between the end of the batch and the end of `then` no receiver of
  /// any source is running.
  virtual void quiesce(quiesce_kind kind, duration deadline, std::function<void()> then) = 0;

  /// Runs `work` on the helper thread, where it may block, then `then` on the control thread.
  virtual void run_blocking(std::function<void()> work, std::function<void()> then) = 0;

  /// Asks for `source::poll` soon. Any thread.
  virtual void wake() = 0;

  /// Called first on every thread that a source starts: names it "<job>.<suffix>" and calls the
  /// host's hook.
  virtual void enter_thread(std::string_view suffix) { (void)suffix; }

  /// Ends the job with an error. Any thread.
  virtual void fail(error reason) = 0;

  /// Thread-safe.
  virtual void log(log_level level, std::string_view component, std::string_view message) = 0;

  [[nodiscard]] virtual weir::clock& clock() = 0;
};

/// What a source is told when the job starts.
struct source_setup {
  std::string job_name;
  std::uint32_t replicas = 1;   ///< How many receivers will be made.
  std::size_t memory_share = 0; ///< Bytes that the source's clients and queues may take in all.
  duration batch_interval{};
  weir::trigger trigger = weir::trigger::every;
  block_limits limits;
  source_host* host = nullptr; ///< Lives longer than the source.
  std::function<void(std::string_view)>
      on_thread_start{};  ///< The host's hook, for threads of the source's libraries; or null.
  std::uint64_t seed = 1; ///< Of what is drawn by chance, e.g. the jitter of a back-off.
};

/// One input of a running job; made anew by each start.
///
/// Life: `open` (helper thread, may block up to its own time limit), `make_receiver` for each
/// replica, then on the control thread in turn: `poll` whenever it likes, and per batch `survey`
/// (helper thread), `plan`, and `completed` or `rewind`. `close` is last. `survey` never runs at
/// the same time as `plan`, `completed`, `rewind` or a `then` of `quiesce`: a batch that ends
/// meanwhile is told of when the survey has answered, and others may have begun by then. The rest,
/// such as `poll` and `rate_changed`, may run at the same time as `survey`.
class source {
public:
  virtual ~source() = default;

  /// Checks configuration and that the outside is there, before anything runs.
  virtual expected<void> open(const source_setup& setup) = 0;

  virtual std::unique_ptr<receiver> make_receiver(std::uint32_t replica) = 0;

  /// Whether its batches may be open-ended: `plan` is then asked with limits of 0, the receivers
  /// read on from there until they are `cut`, and `completed` tells how far they came.
  [[nodiscard]] virtual bool runs_continuously() const { return false; }

  /// Regular work of the control side, e.g. group membership. Must not block.
  virtual void poll() {}

  /// How long `poll` may stay uncalled.
  [[nodiscard]] virtual duration poll_interval() const { return std::chrono::milliseconds(100); }

  /// Whether `survey` can be answered; false e.g. until the group has assigned partitions. No batch
  /// is planned from a source that is not ready, nor while one is not; empty batches run in the
  /// meantime.
  [[nodiscard]] virtual bool ready() const { return true; }

  /// Asks the outside for what is unread. May block; runs on the helper thread.
  virtual expected<std::vector<partition_position>> survey() = 0;

  /// Takes the next range of each partition of the last survey: `[position, min(latest, position +
  /// limit))`.
  /// @param limits records per partition in survey order; nullopt for one that is not limited.
  virtual source_batch plan(const std::vector<partition_position>& backlog,
                            const std::vector<std::optional<std::uint64_t>>& limits) = 0;

  /// The batch is complete and every sink has acknowledged it: the source may forget, commit,
  /// advance. Of an open-ended batch `work` has the ranges really read, and the next one begins
  /// behind them.
  virtual void completed(const batch& whole, const source_batch& work) = 0;

  /// Whether the positions behind all that is complete are written down outside, if they are at
  /// all. A job whose state outlives the process begins no batch before: its state and its
  /// positions must not be further apart than one batch.
  [[nodiscard]] virtual bool settled() const { return true; }

  /// The rate that the job takes now, over all partitions; nullopt: unlimited. Before the first
  /// `poll` and after each batch. For sources whose records come unasked; `plan` is limited in any
  /// case.
  virtual void rate_changed(std::optional<double> per_second, rate_unit unit) {
    (void)per_second, (void)unit;
  }

  /// The job is to end: a call that waits for the outside, such as a `survey` that is running, is
  /// to return soon with what is known. Control thread.
  virtual void interrupt() {}

  /// A stop that drains has begun: take in nothing more.
  virtual void drain() {}

  /// Records that have been received, that no batch is planned for and that nobody could read
  /// again: a stop that drains must still plan batches for them.
  [[nodiscard]] virtual std::uint64_t unplanned() const { return 0; }

  /// Whether nothing will come any more and all that came is in complete batches. A job whose
  /// sources have all ended ends by itself.
  [[nodiscard]] virtual bool ended() const { return false; }

  /// What went wrong since the last call and did not end the job: for the report of the batch.
  [[nodiscard]] virtual std::vector<error> take_errors() { return {}; }

  /// The batches from `first` on will not complete: positions go back to its ranges' beginnings.
  virtual void rewind(const source_batch& first) = 0;

  /// Releases everything. Blocks no longer than `deadline`. Commits what completed, if it owns the
  /// partitions.
  virtual expected<void> close(duration deadline) = 0;
};

using source_factory = std::function<std::unique_ptr<source>()>;

} // namespace weir
