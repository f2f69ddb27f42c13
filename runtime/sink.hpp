// Where records leave the graph. Last on the data path.
#pragma once

#include <weir/runtime/stage.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace weir {

/// What a sink can promise and what it needs. Checked when the job starts.
struct sink_traits {
  std::string name = "sink";
  bool parallel =
      false; ///< May have several replicas, each with its own partitions; else one takes all.
  bool blocking = false; ///< `write`, `prepare` or `commit` may block: it gets a thread of its own.
  bool diagnostic = false; ///< Output for people; exempt from delivery checks.
  bool retains = false;    ///< Keeps bytes beyond a `write`, e.g. in the queues of a client: gets a
                           ///< share of the memory budget, `replica_context::retained_share`.

  // Where GCC 12 inlines it, it takes a name that is not made yet for one that is destroyed, and
  // warns of that in the user's program.
  [[gnu::noinline]] ~sink_traits() = default;
};

/// The part of a stream that one `write` call takes.
template <class T>
struct sink_block {
  partition_id partition;
  std::span<const T> records; ///< Valid until `write` returns `done`; views in them as well.
  block_ptr data; ///< Keep it to use the records longer; account for it by `retained_account`.
};

/// What does not depend on the records of a sink. See `sink`.
class sink_base {
public:
  virtual ~sink_base() = default;

  virtual expected<void> open(const replica_context&) { return {}; }
  virtual expected<void> begin(const batch&) { return {}; }
  virtual expected<progress> prepare() { return progress::done; }
  virtual expected<progress> commit() { return progress::done; }
  virtual void abort() noexcept {}
  virtual void close() noexcept {}
};

/// One replica of a sink for records of type `T`.
///
/// Per batch, from one thread at a time: `begin`, `write` for each block, `prepare` until `done`
/// (everything written is acknowledged or durable, nothing is visible that could not be undone, as
/// far as the sink can), `commit` until `done`; or `abort` at any point before `commit` has begun.
/// A call that returns `blocked` is made again with the same arguments after
/// `replica_context::wake`; `written` tells how many records were taken before.
template <class T>
class sink : public sink_base {
public:
  /// @param written in and out: records of the block that are already taken.
  virtual expected<progress> write(const sink_block<T>& in, std::size_t& written) = 0;
};

/// Makes the replicas of a sink. Copyable; called once per replica and start.
template <class T>
struct sink_factory {
  sink_traits traits{};
  std::function<std::unique_ptr<sink<T>>()> make;
  /// What is wrong with it, as far as that can be known before the start: told there, with the line
  /// that composed it and all other mistakes.
  expected<void> valid{};
};

} // namespace weir
