#include <weir/connectors/kafka/internal/group_receiver.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/message_view.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <thread>

namespace weir::kafka {

using namespace std::chrono_literals;

namespace {

/// Messages that are stored together, at most.
constexpr std::size_t largest_group = 512;

using place = std::pair<std::string, std::int32_t>; ///< Topic and partition.

/// Offsets up to which everything is safe. Acknowledgements may come from any thread, also when the
/// session has ended.
struct acknowledged {
  std::mutex mutex;
  std::map<place, std::int64_t> next; ///< To be committed.
};

} // namespace

/// One life of the receiver, from `on_start` to the end of its thread.
class group_receiver::session {
public:
  session(const receiver_stream_options& options, receiver_handle<record> to)
      : options_(options), to_(std::move(to)) {}

  expected<void> open() {
    property_list own = {{"bootstrap.servers", options_.brokers},
                         {"group.id", options_.group},
                         {"isolation.level", "read_committed"},
                         {"auto.offset.reset", options_.from_beginning ? "earliest" : "latest"},
                         {"enable.auto.commit", "false"},
                         {"enable.auto.offset.store", "false"},
                         {"enable.partition.eof", "true"},
                         {"partition.assignment.strategy", "range"},
                         {"queued.min.messages", "10000"},
                         {"queued.max.messages.kbytes", "4096"}};
    std::ranges::copy(member_properties(options_.properties), std::back_inserter(own));
    auto conf = make_conf(options_.properties, own);
    if (!conf)
      return std::move(conf).error();
    rd_kafka_conf_set_rebalance_cb(conf->get(), &session::on_rebalance);
    auto log = [to = to_](log_level level, std::string_view, std::string_view text) mutable {
      if (level == log_level::error)
        to.report_error(error(errc::source_failed, std::string(text)));
    };
    auto made = client::make(RD_KAFKA_CONSUMER, std::move(*conf),
                             std::make_shared<client_state>("weir.kafka.receiver", std::move(log),
                                                            redactor(options_.properties), this));
    if (!made)
      return std::move(made).error();
    client_ = std::move(*made);
    if (auto known = client_->topics(options_.topics, options_.connect_timeout); !known)
      return std::move(known).error();
    const auto list = make_partition_list(options_.topics.size());
    for (const auto& topic : options_.topics)
      add(list.get(), topic, RD_KAFKA_PARTITION_UA);
    if (const auto failed = rd_kafka_subscribe(client_->get(), list.get());
        failed != RD_KAFKA_RESP_ERR_NO_ERROR)
      return to_error(failed, "subscribing");
    return {};
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested() && !failed_) {
      commit(true);
      watch_membership();
      if (held_.empty() && !takes_more())
        pause(true);
      else if (held_.empty())
        pause(false);
      poll(held_.empty() ? 50ms : 0ms);
      // A poll that finds nothing more ends the group.
      if (!held_.empty() && (!grown_ || held_.size() >= largest_group))
        store();
    }
    store();
    commit(false);
    rd_kafka_consumer_close(client_->get());
  }

private:
  static void on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    auto& self = *static_cast<session*>(static_cast<client_state*>(opaque)->owner());
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      rd_kafka_assign(handle, partitions);
      self.paused_ = false;
      self.has_assignment_ = true;
      self.ends_.clear();
      return;
    }
    self.has_assignment_ = false;
    if (rd_kafka_assignment_lost(handle) == 0)
      self.commit(false);
    rd_kafka_assign(handle, nullptr);
  }

  /// Only another client helps one that is stuck with a coordinator that is gone.
  void watch_membership() {
    if (!watch_.stalled(std::chrono::steady_clock::now(), has_assignment_,
                        client_->state().heard_of_group()))
      return;
    failed_ = true;
    to_.restart(error(errc::unreachable_broker,
                      "the group's coordinator has not been heard of for longer than the session; "
                      "joining with a new client"));
  }

  [[nodiscard]] bool takes_more() { return to_.has_room(); }

  void pause(bool wanted) {
    if (paused_ == wanted)
      return;
    rd_kafka_topic_partition_list_t* assigned = nullptr;
    if (rd_kafka_assignment(client_->get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return;
    const partition_list_ptr list(assigned);
    if (wanted)
      rd_kafka_pause_partitions(client_->get(), list.get());
    else
      rd_kafka_resume_partitions(client_->get(), list.get());
    paused_ = wanted;
  }

  void poll(std::chrono::milliseconds limit) {
    grown_ = false;
    message_ptr message(rd_kafka_consumer_poll(client_->get(), static_cast<int>(limit.count())));
    if (!message)
      return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      await_rate(message->len + message->key_len);
      held_.push_back(std::move(message));
      grown_ = true;
      return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ends_[{rd_kafka_topic_name(message->rkt), message->partition}] = message->offset;
      return;
    }
    const auto kind = nature_of(message->err);
    if (kind == nature::final || kind == nature::missing) {
      failed_ = true;
      to_.restart(to_error(message->err, "reading", rd_kafka_message_errstr(message.get())));
    }
  }

  /// The rate limit holds here. What is held meanwhile is stored first.
  void await_rate(std::size_t bytes) {
    for (duration wait; (wait = to_.admit(bytes)) > duration::zero();) {
      store();
      std::this_thread::sleep_for(std::min<duration>(wait, 50ms));
      if (to_.refuses())
        return;
    }
  }

  void store() {
    std::map<place, std::vector<record>> groups;
    arena headers(1024);
    for (const auto& message : held_) {
      const char* topic = rd_kafka_topic_name(message->rkt);
      groups[{topic, message->partition}].push_back(
          view_message(*message, topic, options_.include_headers, headers));
    }
    for (const auto& [from, records] : groups) {
      const auto last = records.back().offset;
      unsafe_[from] = last + 1;
      if (const auto end = ends_.find(from); end != ends_.end() && end->second <= last)
        ends_.erase(end); // there is more by now
      const auto acknowledge = [to = acknowledged_, where = from, last] {
        const std::lock_guard guard(to->mutex);
        auto& next = to->next[where];
        next = std::max(next, last + 1);
      };
      if (auto stored = to_.store_reliably(records, acknowledge,
                                           {fmt::format("{}/{}", from.first, from.second), last});
          !stored && stored.error().code() != errc::stopped) {
        failed_ = true;
        to_.restart(std::move(stored).error());
      }
    }
    held_.clear();
  }

  /// Commits what has been acknowledged, as far as the partitions are still this member's.
  void commit(bool asynchronously) {
    std::map<place, std::int64_t> next;
    {
      const std::lock_guard guard(acknowledged_->mutex);
      next.swap(acknowledged_->next);
    }
    for (const auto& [at, offset] : next)
      if (const auto found = unsafe_.find(at); found != unsafe_.end() && found->second <= offset)
        unsafe_.erase(found);
    // Between the last record and the end of its partition there are but markers of transactions.
    std::erase_if(ends_, [&](const auto& entry) {
      const auto& [at, end] = entry;
      const bool safe = held_.empty() && !unsafe_.contains(at);
      if (safe)
        next[at] = std::max(next[at], end);
      return safe;
    });
    if (next.empty())
      return;
    rd_kafka_topic_partition_list_t* assigned = nullptr;
    if (rd_kafka_assignment(client_->get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return;
    const partition_list_ptr mine(assigned);
    const auto list = make_partition_list(next.size());
    for (const auto& [where, offset] : next)
      if (rd_kafka_topic_partition_list_find(mine.get(), where.first.c_str(), where.second))
        add(list.get(), where.first, where.second, offset);
    if (list->cnt == 0)
      return;
    const auto failed = rd_kafka_commit(client_->get(), list.get(), asynchronously ? 1 : 0);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && nature_of(failed) != nature::transient &&
        nature_of(failed) != nature::membership)
      to_.report_error(to_error(failed, "committing offsets"));
  }

  const receiver_stream_options& options_;
  receiver_handle<record> to_;
  std::unique_ptr<client> client_;
  std::shared_ptr<acknowledged> acknowledged_ = std::make_shared<acknowledged>();
  std::map<place, std::int64_t> ends_;   ///< Of partitions that are read to their end.
  std::map<place, std::int64_t> unsafe_; ///< Behind the last stored record, until acknowledged.
  membership_watch watch_{time_of(options_.properties, "session.timeout.ms", 45s),
                          time_of(options_.properties, "max.poll.interval.ms", 300s)};
  bool has_assignment_ = false;
  std::vector<message_ptr> held_; ///< Read and not stored yet.
  bool grown_ = false;            ///< The last poll found a message.
  bool paused_ = false;
  bool failed_ = false;
};

expected<void> group_receiver::on_start(receiver_handle<record> to) {
  auto opened = std::make_shared<session>(options_, to);
  if (auto done = opened->open(); !done)
    return done;
  to.run([opened](const std::stop_token& stop) { opened->run(stop); });
  return {};
}

} // namespace weir::kafka
