#include <weir/connectors/kafka/internal/log_probe.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/runtime/time.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace weir::kafka {

namespace {

constexpr milliseconds short_wait{200};

witness seen_in(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const auto stamp = rd_kafka_message_timestamp(&message, &kind);
  return {.offset = message.offset,
          .timestamp = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || stamp < 0 ? -1 : stamp,
          .bytes = message.len + message.key_len};
}

/// The partitions of the probes, assigned to the consumer for as long as this lives.
class visit {
public:
  visit(const client& by, std::span<const probe> wanted)
      : by_(by), messages_(rd_kafka_queue_new(by.get())),
        list_(make_partition_list(wanted.size())) {
    for (const auto& p : wanted) {
      add(list_.get(), p.topic, p.partition, p.from);
      if (queue_ptr own{rd_kafka_queue_get_partition(by.get(), p.topic.c_str(), p.partition)}) {
        rd_kafka_queue_forward(own.get(), messages_.get()); // not to the queue that others poll
        queues_.push_back(std::move(own));
      }
    }
    failure_.reset(rd_kafka_incremental_assign(by.get(), list_.get()));
  }
  ~visit() {
    if (!failure_)
      const api_error_ptr ignored(rd_kafka_incremental_unassign(by_.get(), list_.get()));
    for (const auto& own : queues_)
      rd_kafka_queue_forward(own.get(), nullptr);
  }
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;

  [[nodiscard]] const rd_kafka_error_t* failure() const noexcept { return failure_.get(); }
  [[nodiscard]] message_ptr next(milliseconds limit) const {
    return message_ptr(rd_kafka_consume_queue(messages_.get(), static_cast<int>(limit.count())));
  }

private:
  const client& by_;
  queue_ptr messages_;
  partition_list_ptr list_;
  std::vector<queue_ptr> queues_;
  api_error_ptr failure_;
};

} // namespace

std::vector<probe_answer> last_records(const fetch_client& by, std::span<const probe> wanted,
                                       milliseconds timeout) {
  std::vector<probe_answer> found(wanted.size());
  if (wanted.empty())
    return found;
  const visit reading(by.raw(), wanted);
  if (const auto* failure = reading.failure()) {
    by.raw().state().log(log_level::warning,
                         fmt::format("looking for records: {}", rd_kafka_error_string(failure)));
    return found;
  }
  auto open = wanted.size();
  const auto deadline = deadline_after(std::chrono::steady_clock::now(), timeout);
  while (open > 0) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    const bool soon = timeout - left >= short_wait; // one that is there has answered by then
    if (left <= milliseconds(0) || (soon && by.raw().interrupted()))
      return found;
    const auto message = reading.next(std::min(left, milliseconds(5)));
    if (!message) {
      by.end_rest(); // a broker's thread may sleep for a second before it sees what is assigned
      continue;
    }
    if (!message->rkt)
      continue;
    const std::string_view topic = rd_kafka_topic_name(message->rkt);
    const auto at = std::ranges::find_if(wanted, [&](const probe& p) {
      return p.partition == message->partition && p.topic == topic;
    });
    if (at == wanted.end())
      continue;
    const auto index = static_cast<std::size_t>(at - wanted.begin());
    bool over = false;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (message->offset >= at->from && message->offset < at->until)
        found[index].record = seen_in(*message);
      over = message->offset + 1 >= at->until;
    } else {
      over = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
             nature_of(message->err) == nature::position;
    }
    if (over && !std::exchange(found[index].known, true))
      --open;
  }
  return found;
}

} // namespace weir::kafka
