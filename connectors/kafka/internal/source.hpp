// The control side of a Kafka stream: who owns what, how far to read, what to commit. Next:
// internal/receiver.hpp.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>
#include <weir/connectors/kafka/internal/log_watch.hpp>
#include <weir/connectors/kafka/internal/member.hpp>
#include <weir/connectors/kafka/internal/partition_table.hpp>
#include <weir/connectors/kafka/internal/receiver.hpp>
#include <weir/connectors/kafka/internal/start_resolver.hpp>
#include <weir/connectors/kafka/internal/subscription.hpp>
#include <weir/runtime/source.hpp>

#include <atomic>
#include <memory>
#include <set>
#include <vector>

namespace weir::kafka {

/// Implements `weir::source`. Rebalances follow docs/decisions/0002-kafka-handles.md:
///
///     ASSIGN  -> start positions on the helper thread -> quiesce -> fetch handles, table; ready
///     REVOKE  -> not ready -> quiesce(finish) -> commit, fetch handles stop, at last the member
///     gives up lost    -> not ready -> quiesce(lost)   -> nothing is committed; otherwise the same
class kafka_source final : public source, private member_events {
public:
  explicit kafka_source(direct_stream_options options) : options_(std::move(options)) {}
  ~kafka_source() override;

  expected<void> open(const source_setup& setup) override;
  std::unique_ptr<receiver> make_receiver(std::uint32_t replica) override;

  void poll() override;
  [[nodiscard]] duration poll_interval() const override;
  [[nodiscard]] bool ready() const override { return ready_; }
  [[nodiscard]] bool settled() const override;
  [[nodiscard]] bool runs_continuously() const override { return true; }
  expected<std::vector<partition_position>> survey() override;
  source_batch plan(const std::vector<partition_position>& backlog,
                    const std::vector<std::optional<std::uint64_t>>& limits) override;
  void completed(const batch& whole, const source_batch& work) override;
  void rewind(const source_batch& first) override { table_.rewind(first); }
  [[nodiscard]] std::vector<error> take_errors() override { return std::exchange(errors_, {}); }
  void interrupt() override;
  expected<void> close(duration deadline) override;

private:
  // member_events
  void assigned(std::vector<start_position> partitions) override;
  void revoked(bool lost) override;
  void committed(const std::vector<partition_offset>& offsets,
                 const expected<void>& outcome) override;
  void stalled() override;

  [[nodiscard]] expected<std::unique_ptr<member>> make_member();

  using fetch_clients = std::vector<std::shared_ptr<fetch_client>>;
  [[nodiscard]] expected<fetch_clients> make_fetch_clients(std::size_t partitions,
                                                           std::size_t count) const;
  /// Queues are sized for a number of partitions; more of them need smaller ones. Control thread,
  /// no receiver running.
  void use(fetch_clients clients, std::size_t partitions);
  void install(std::vector<start_position> starts);
  void remember(const std::vector<start_position>& starts);
  void add(std::vector<start_position> starts, fetch_clients clients);
  void commit_starts(const std::vector<start_position>& starts);
  void commit_due();
  /// Leaves what may be committed: not what was read in doubt of its log.
  void leave_trusted(std::vector<partition_offset>& commits) const;
  [[nodiscard]] bool trusts_all() const;
  /// Commits what is done and waits for the answer.
  expected<void> commit_last(milliseconds patience);
  void bind_committer();
  void release_committer();
  void serve_manual_commits();

  void discover();
  void serve_repairs();
  void on_repair(const repair& found, expected<repair_decision> decided, fetch_client& asked);
  void end_rests();

  /// A partition whose log is another one than before.
  struct replacement {
    repair place;
    log_watch::finding found;
    std::uint64_t doubts = 0;
  };
  struct checked_logs {
    std::vector<std::int64_t> latest; ///< Up to where each may be read.
    std::vector<bool> known;          ///< Whether that is all there is.
    std::vector<replacement> replaced;
    std::vector<repair> deleted; ///< Since the look before.
  };
  /// Asks how far the logs reach, and whether they are still the same. Blocks.
  checked_logs check_logs(const std::vector<repair>& places, milliseconds patience);
  [[nodiscard]] std::vector<repair> places() const;
  void serve_doubts();
  void verify();
  void on_replaced(const replacement& what);
  void on_deleted(const repair& at);
  void renew(start_position from);
  void report_gap(const repair& found, const start_decision& decided, std::string_view why);

  [[nodiscard]] start_query query(bool later, std::function<bool()> go_on);
  expected<std::shared_ptr<fetch_client>> uncommitted();
  [[nodiscard]] log_hook host_log() const;
  /// How long a hand-over may wait for the open batch, and again for the last commit.
  static constexpr milliseconds hand_over_patience{5'000};

  void log(log_level level, std::string_view message) const {
    host_->log(level, "weir.kafka", message);
  }

  const direct_stream_options options_;
  source_host* host_ = nullptr;
  thread_hook thread_started_;
  std::uint32_t replicas_ = 1;
  std::size_t memory_share_ = 0;
  std::optional<subscription> wanted_;
  /// Asks for ends and nothing else: on a handle that fetches, an idle broker answers only after
  /// the fetch before it.
  std::shared_ptr<fetch_client> asker_;
  std::mutex uncommitted_mutex_;
  std::shared_ptr<fetch_client> uncommitted_; ///< The same, to which open transactions count.
  std::shared_ptr<log_evidence> evidence_ = std::make_shared<log_evidence>();
  log_watch watch_{evidence_};
  std::vector<std::shared_ptr<fetch_slot>>
      fetch_;             ///< By replica; the rest of the replicas have nothing to read.
  fetch_clients retired_; ///< Replaced; receivers hold them until their next batch.
  std::unique_ptr<member> member_;
  partition_table table_;
  std::size_t sized_for_ = 0; ///< Partitions that the queues were sized for.

  bool ready_ = false;
  std::atomic<std::uint64_t> assignment_{
      0}; ///< Epoch of the assignment; work of an older one is void.
  std::int64_t gap_offsets_ = 0;
  bool first_assignment_ =
      true; ///< `prefer_committed` = false holds for the first one of a run only.
  bool discovering_ = false;
  steady_time next_discovery_{};
  steady_time no_commit_before_{};         ///< After a commit has failed.
  std::vector<replacement> replaced_;      ///< Found by the last survey.
  std::vector<repair> deleted_;            ///< The same.
  std::set<log_evidence::place> renewing_; ///< Waiting to begin in their new logs.
  bool verifying_ = false;
  steady_time no_verify_before_{};
  std::vector<repair> skips_; ///< For the next plan; a survey may be reading the table before it.
  std::vector<error> errors_; ///< For the next report.
  std::atomic<bool> stopping_{false};

  struct manual_commit {
    std::vector<offset_range> ranges;
    offset_committer::callback done;
  };
  std::mutex manual_mutex_;
  std::vector<manual_commit> manual_waiting_;
  std::vector<offset_committer::callback> manual_in_flight_;
};

} // namespace weir::kafka
