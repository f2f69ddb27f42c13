// Hands the letters of one replica to their sinks, as part of the batch. Used by
// failure_policy.hpp.
#pragma once

#include <weir/runtime/block_builder.hpp>
#include <weir/runtime/on_error.hpp>
#include <weir/runtime/stage.hpp>

#include <deque>
#include <memory>
#include <vector>

namespace weir::detail {

/// The dead-letter sinks of one replica of a stage. Each hears of every batch that its stage has:
/// begin, write, prepare and commit, or abort. Calls that return `blocked` are made again.
class dead_letters {
public:
  using factory = std::shared_ptr<const sink_factory<dead_letter>>;

  /// Opens a sink for each different factory; null ones are skipped.
  expected<void> open(const replica_context& context, const std::vector<factory>& factories);
  expected<void> begin(const batch& whole);

  /// Keeps a letter until the next `write` or `finish`.
  /// @returns errc::out_of_budget when too many wait.
  expected<void> add(const factory& to, dead_letter letter);

  [[nodiscard]] bool waiting() const noexcept { return waiting_bytes_ > 0; }

  /// Hands over what waits.
  expected<progress> write();
  /// The batch ends: writes what waits, and prepares. Does nothing once it is done.
  expected<progress> prepare();
  /// Whether a sink waits for `commit`.
  [[nodiscard]] bool commits() const noexcept;
  expected<progress> commit();

  /// Undoes the batch that began last, unless it is committed: at least once.
  void abort() noexcept;
  void close() noexcept;

private:
  enum class stage_of { idle, writing, preparing, committing, done };

  struct outlet {
    factory made_by;
    std::unique_ptr<sink<dead_letter>> to;
    block_builder<dead_letter> builder;
    std::deque<block_ptr> ready;
    std::size_t written = 0; ///< Of the first ready block.
    bool empty = true;       ///< The batch has no letter for it: nothing to show.
    stage_of at = stage_of::idle;
  };

  expected<progress> write(outlet& out);
  /// Goes on until it has come to `until`.
  expected<progress> advance(outlet& out, stage_of until);
  expected<progress> advance_all(stage_of until);

  std::vector<outlet> outlets_;
  partition_id partition_;
  node_id node_;
  std::size_t waiting_bytes_ = 0;
};

} // namespace weir::detail
