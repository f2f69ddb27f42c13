// One consumer that reads partitions by assignment only, each through a queue of its own. Used by
// internal/receiver.hpp.
#pragma once

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/lane.hpp>
#include <weir/connectors/kafka/internal/log_evidence.hpp>
#include <weir/connectors/kafka/internal/partition_table.hpp>
#include <weir/connectors/kafka/internal/queue_sizes.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace weir::kafka {

/// A partition whose position has left the log: what the receiver found and what the control side
/// answers.
struct repair {
  std::string topic{};
  std::int32_t partition = 0;
  std::int64_t position = 0; ///< Found: offset that is not there. Answered: where to go on.
  bool missing = false;      ///< Found: the topic is not there at all.
  bool gives_up = false;     ///< Answered: nothing more can be read of the open range.
};

/// Wakes whoever waits for records. Called by librdkafka under a queue's lock, so it does nothing
/// else.
class wake_signal {
public:
  void set(std::function<void()> wake) { wake_ = std::move(wake); }
  void arm() noexcept { armed_.store(true, std::memory_order_seq_cst); }
  [[nodiscard]] bool armed() const noexcept { return armed_.load(std::memory_order_relaxed); }
  void disarm() noexcept { armed_.store(false, std::memory_order_relaxed); }
  void fire() {
    if (armed_.exchange(false, std::memory_order_acq_rel) && wake_)
      wake_();
  }

private:
  std::function<void()> wake_; ///< Set before the first `arm`.
  std::atomic<bool> armed_{false};
};

/// A fetch handle. It never joins a group: the group's member does, and tells what is owned.
///
/// Threads: `assign`, `add` and `clear` on the control thread while no receiver runs; `offsets` on
/// the helper thread; the lanes and what stands below them belong to the one receiver.
class fetch_client : public std::enable_shared_from_this<fetch_client> {
public:
  /// @param evidence hears of what the client reads, and of what may have changed topics; or null.
  /// @param level of isolation, by Kafka's names.
  static expected<std::shared_ptr<fetch_client>> make(const direct_stream_options& options,
                                                      const queue_sizes& sizes, log_hook log,
                                                      thread_hook started,
                                                      std::shared_ptr<log_evidence> evidence = {},
                                                      std::string_view level = "read_committed");
  ~fetch_client();

  expected<void> assign(std::span<const start_position> starts);
  expected<void> add(std::span<const start_position> starts);
  /// Stops reading; what waits in the queues is dropped.
  void clear();
  /// The partition's log is another one: its next range drops what is queued.
  void drop_queued(std::string_view topic, std::int32_t partition);

  /// The end of each partition, as far as a committed reader may see. One request per broker. Waits
  /// no longer than `timeout`, and hardly at all once the client is interrupted.
  struct answer {
    std::int64_t offset = -1;
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  expected<std::vector<answer>> offsets(std::span<const repair> partitions, std::int64_t which,
                                        milliseconds timeout) const;
  [[nodiscard]] const client& raw() const noexcept { return *client_; }
  /// Its user goes away, while a call of it may still wait for a broker.
  void leave() const;

  // ---- for the receiver
  [[nodiscard]] std::span<lane> lanes() noexcept { return lanes_; }
  [[nodiscard]] wake_signal& signal() noexcept { return signal_; }
  [[nodiscard]] bool wants_headers() const noexcept { return wants_headers_; }
  void remember(const lane& at, const record& last) const;
  /// Whether the lane's log may be another one by now. Then asks the control side to find out.
  [[nodiscard]] bool doubts(const lane& at);

  /// Goes back, or on, to `offset`. What was queued is void from now on.
  expected<void> seek(lane& at, std::int64_t offset);
  /// Starts fetching again after librdkafka has stopped because of a position outside the log.
  expected<void> restart(lane& at, std::int64_t offset);
  /// Ends the rest, up to a second, that librdkafka 2.0.2 takes after all its queues were full.
  /// Cheap; sends nothing.
  void end_rest() const;

  /// For the control side: whether the receiver waits to know more of a log.
  [[nodiscard]] bool take_doubt() noexcept {
    return asks_to_verify_.exchange(false, std::memory_order_acq_rel);
  }

  // ---- repairs, between the receiver and the control side
  void ask_repair(repair found);
  [[nodiscard]] std::vector<repair> take_asked();
  void answer_repair(repair answered);
  [[nodiscard]] std::vector<repair> take_answered();

private:
  fetch_client(std::unique_ptr<client> made, const direct_stream_options& options,
               std::shared_ptr<log_evidence> evidence);

  /// Takes the queue of the partition, so that nobody else is given what is in it.
  expected<void> open_queue(lane& at);
  rd_kafka_resp_err_t ask_apart(partition_list_ptr& list, milliseconds timeout) const;

  std::unique_ptr<client> client_;
  mutable std::atomic<int> left_behind_{0}; ///< Threads that wait for an answer, or soon will not.
  std::shared_ptr<log_evidence> evidence_;
  bool wants_headers_;
  std::string sasl_user_;
  std::string sasl_password_;
  wake_signal signal_;
  std::vector<lane> lanes_;

  std::atomic<bool> asks_to_verify_{false};
  std::mutex repairs_mutex_;
  std::vector<repair> asked_;
  std::vector<repair> answered_;
};

} // namespace weir::kafka
