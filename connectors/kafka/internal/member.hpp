// The group's handle: membership, committed offsets, commits. It reads no records. Used by
// internal/source.hpp.
#pragma once

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/membership_watch.hpp>
#include <weir/connectors/kafka/internal/partition_table.hpp>
#include <weir/connectors/kafka/offset_committer.hpp>
#include <weir/runtime/time.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace weir::kafka {

/// What the group says. Called from `member::poll`.
class member_events {
public:
  virtual ~member_events() = default;
  /// These partitions, and no others, belong to this process from now on.
  virtual void assigned(std::vector<start_position> partitions) = 0;
  /// Everything must be given up: call `member::give_up` when it is.
  /// @param lost another member owns it already: nothing may be committed.
  virtual void revoked(bool lost) = 0;
  /// A commit has been answered.
  virtual void committed(const std::vector<partition_offset>& offsets,
                         const expected<void>& outcome) = 0;
  /// The member has been without a coordinator for longer than its session: only another one helps.
  virtual void stalled() = 0;
};

/// Joins the group with the eager protocol and assigns itself nothing: fetch handles do the
/// reading. On ASSIGN it takes an empty list (NULL would leave it waiting: it would never hear of a
/// REVOKE); on REVOKE it stays in the group until `give_up`, so that commits still count.
///
/// Threads: the control thread, but for `committed_offsets` (helper thread).
class member {
public:
  /// @param internal_topics whether a pattern names such a topic; else none is ever assigned.
  static expected<std::unique_ptr<member>> make(const direct_stream_options& options,
                                                bool internal_topics, member_events& events,
                                                std::function<void()> wake, log_hook log,
                                                thread_hook started);
  ~member();

  /// Joins the group. Without it the member only reads and writes the offsets of a group that has
  /// no members.
  expected<void> subscribe();

  /// Serves rebalances, errors and answers to commits. Never blocks.
  void poll(steady_time now);

  /// The last step of a REVOKE; nothing may be committed until the next `assigned`.
  void give_up();
  /// Whether the group has taken the assignment away behind our back.
  [[nodiscard]] bool lost() const;

  /// What the group has committed. Waits, and asks again, while the broker cannot say: the
  /// transaction of a former owner may still be open. Any thread.
  /// @param go_on asked before each attempt.
  expected<std::vector<start_position>> committed_offsets(std::vector<start_position> partitions,
                                                          const std::function<bool()>& go_on);

  /// Sends a commit; `committed` tells the outcome. One at a time.
  void commit(std::vector<partition_offset> offsets);
  [[nodiscard]] bool committing() const noexcept { return !in_flight_.empty(); }
  /// Commits and waits for the answer, and for that of a commit under way.
  expected<void> commit_now(std::vector<partition_offset> offsets, milliseconds timeout);

  /// Leaves the group. Waits no longer than `timeout`, also when no broker answers.
  expected<void> close(milliseconds timeout);

  [[nodiscard]] const client& raw() const noexcept { return *client_; }

private:
  member(std::unique_ptr<client> made, std::shared_ptr<client_state> state,
         const direct_stream_options& options, member_events& events);

  void on_rebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* partitions);
  void serve_commits(milliseconds timeout);
  void watch_own_polls(steady_time now);
  static void rebalance_callback(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                                 void*);

  std::shared_ptr<client_state> state_;
  std::unique_ptr<client> client_;
  std::shared_ptr<member*> self_;
  queue_ptr events_queue_;
  queue_ptr commits_queue_;
  std::vector<std::string> subscription_;
  member_events& events_;
  std::function<void()> wake_;
  std::vector<std::function<void()>>
      pending_; ///< What a rebalance callback has left for after the poll.
  std::vector<partition_offset> in_flight_;
  expected<void> last_commit_;
  bool joined_ = false;
  bool owes_give_up_ = false;   ///< Between REVOKE and `give_up`.
  bool has_assignment_ = false; ///< Between ASSIGN and `give_up`.
  duration max_poll_;
  steady_time last_poll_{};
  membership_watch watch_;
};

} // namespace weir::kafka
