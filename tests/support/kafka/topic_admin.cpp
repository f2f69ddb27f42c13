#include <tests/support/kafka/topic_admin.hpp>

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace weir::testing_support {

namespace {

using namespace std::chrono_literals;

constexpr int patience_ms = 30'000;

template <auto Destroy>
struct deleter {
  template <class T>
  void operator()(T* p) const {
    Destroy(p);
  }
};
using handle_ptr = std::unique_ptr<rd_kafka_t, deleter<rd_kafka_destroy>>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, deleter<rd_kafka_queue_destroy>>;
using event_ptr = std::unique_ptr<rd_kafka_event_t, deleter<rd_kafka_event_destroy>>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, deleter<rd_kafka_message_destroy>>;
using list_ptr = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                 deleter<rd_kafka_topic_partition_list_destroy>>;
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, deleter<rd_kafka_topic_destroy>>;

[[noreturn]] void fail(const std::string& what, const char* reason) {
  throw std::runtime_error(what + ": " + (reason ? reason : "unknown"));
}

void check(rd_kafka_resp_err_t code, const std::string& what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail(what, rd_kafka_err2str(code));
}

void check(rd_kafka_error_t* error, const std::string& what) {
  if (!error)
    return;
  const std::string reason = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  fail(what, reason.c_str());
}

/// Counts what the broker refused. Called from rd_kafka_poll, hence on the producing thread.
struct delivery {
  std::uint64_t failed = 0;
  rd_kafka_resp_err_t first = RD_KAFKA_RESP_ERR_NO_ERROR;
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& result = *static_cast<delivery*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && result.failed++ == 0)
    result.first = message->err;
}

/// @param delivered counts what becomes of records; for producers that send some.
handle_ptr make_handle(rd_kafka_type_t type, const topic_admin::properties& common,
                       const topic_admin::properties& own, delivery* delivered = nullptr) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512] = {};
  for (const auto* part : {&common, &own})
    for (const auto& [name, value] : *part)
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) !=
          RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(conf);
        fail(name, reason);
      }
  if (delivered) {
    rd_kafka_conf_set_opaque(conf, delivered);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  }
  rd_kafka_t* handle = rd_kafka_new(type, conf, reason, sizeof reason);
  if (!handle) {
    rd_kafka_conf_destroy(conf);
    fail("rd_kafka_new", reason);
  }
  return handle_ptr{handle};
}

std::string_view view(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

stored_record read(const rd_kafka_message_t& message) {
  stored_record record;
  record.partition = message.partition;
  record.offset = message.offset;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, nullptr);
  if (message.key)
    record.key.emplace(view(message.key, message.key_len));
  if (message.payload)
    record.value.emplace(view(message.payload, message.len));
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      record.headers.emplace_back(name, value ? view(value, size) : std::string_view{});
  }
  return record;
}

/// rd_kafka_producev takes the headers over only when it succeeds.
rd_kafka_resp_err_t send(rd_kafka_t* producer, rd_kafka_topic_t* topic,
                         const outgoing_record& record) {
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, text] : record.headers)
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                          static_cast<ssize_t>(text.size()));
  }
  const char* key = record.key ? record.key->data() : nullptr;
  const std::size_t key_size = record.key ? record.key->size() : 0;
  char* value =
      record.value ? const_cast<char*>(record.value->data()) : nullptr; // copied, not changed
  const std::size_t value_size = record.value ? record.value->size() : 0;
  const auto code = rd_kafka_producev(
      producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(record.partition),
      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
      RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers)
    rd_kafka_headers_destroy(headers);
  return code;
}

} // namespace

struct topic_admin::impl {
  properties client;
  handle_ptr handle; ///< A producer without messages: the cheapest handle that can do admin work.
  queue_ptr queue;

  event_ptr result(rd_kafka_event_type_t type, const std::string& what) const {
    event_ptr event{rd_kafka_queue_poll(queue.get(), patience_ms)};
    if (!event)
      fail(what, "no answer");
    if (rd_kafka_event_type(event.get()) != type)
      fail(what, rd_kafka_event_name(event.get()));
    check(rd_kafka_event_error(event.get()),
          what + ": " + rd_kafka_event_error_string(event.get()));
    return event;
  }

  static void check_topics(const rd_kafka_topic_result_t* const* topics, std::size_t count,
                           const std::string& what) {
    for (std::size_t i = 0; i < count; ++i)
      if (rd_kafka_topic_result_error(topics[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(what, rd_kafka_topic_result_error_string(topics[i]));
  }

  /// Partitions that have a leader; 0 when the topic does not exist.
  std::int32_t led_partitions(const std::string& topic) const {
    topic_ptr local{rd_kafka_topic_new(handle.get(), topic.c_str(), nullptr)};
    const struct rd_kafka_metadata* metadata = nullptr;
    check(rd_kafka_metadata(handle.get(), 0, local.get(), &metadata, patience_ms),
          "metadata of " + topic);
    std::int32_t led = 0;
    if (metadata->topic_cnt == 1)
      for (int i = 0; i < metadata->topics[0].partition_cnt; ++i)
        led += metadata->topics[0].partitions[i].leader >= 0;
    rd_kafka_metadata_destroy(metadata);
    return led;
  }

  template <class Predicate>
  void wait_for_partitions(const std::string& topic, Predicate enough) const {
    for (int waited = 0; !enough(led_partitions(topic)); waited += 10) {
      if (waited > patience_ms)
        fail(topic, "the change does not show in the metadata");
      std::this_thread::sleep_for(10ms);
    }
  }

  handle_ptr consumer(const std::string& group, isolation level) const {
    return make_handle(
        RD_KAFKA_CONSUMER, client,
        {{"group.id", group},
         {"enable.auto.commit", "false"},
         {"enable.partition.eof", "true"},
         {"auto.offset.reset", "error"},
         {"isolation.level",
          level == isolation::read_committed ? "read_committed" : "read_uncommitted"}});
  }

  list_ptr all_partitions(const std::string& topic) const {
    const auto count = led_partitions(topic);
    if (count == 0)
      fail(topic, "no such topic");
    list_ptr list{rd_kafka_topic_partition_list_new(count)};
    rd_kafka_topic_partition_list_add_range(list.get(), topic.c_str(), 0, count - 1);
    return list;
  }

  /// First and past-the-end offset of each partition. A new leader may need a moment to know that
  /// it is one.
  std::vector<std::pair<std::int64_t, std::int64_t>> watermarks(const std::string& topic) const {
    std::vector<std::pair<std::int64_t, std::int64_t>> all(
        static_cast<std::size_t>(led_partitions(topic)));
    for (std::size_t p = 0; p < all.size(); ++p) {
      auto& [low, high] = all[p];
      const auto query = [&] {
        return rd_kafka_query_watermark_offsets(
            handle.get(), topic.c_str(), static_cast<std::int32_t>(p), &low, &high, patience_ms);
      };
      auto code = query();
      for (int waited = 0;
           code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && waited < patience_ms;
           waited += 10) {
        std::this_thread::sleep_for(10ms);
        code = query();
      }
      check(code, "offsets of " + topic);
    }
    return all;
  }
};

topic_admin::topic_admin(std::string bootstrap, properties client)
    : impl_(std::make_unique<impl>()) {
  client["bootstrap.servers"] = std::move(bootstrap);
  impl_->client = std::move(client);
  impl_->handle = make_handle(RD_KAFKA_PRODUCER, impl_->client, {});
  impl_->queue.reset(rd_kafka_queue_new(impl_->handle.get()));
}

topic_admin::~topic_admin() {
  if (impl_)
    impl_->queue.reset(); // before its handle
}
topic_admin::topic_admin(topic_admin&&) noexcept = default;
topic_admin& topic_admin::operator=(topic_admin&&) noexcept = default;

void topic_admin::create_topic(const std::string& topic, std::int32_t partitions,
                               const properties& configs) {
  char reason[512] = {};
  auto* request = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, reason, sizeof reason);
  if (!request)
    fail(topic, reason);
  for (const auto& [name, value] : configs)
    rd_kafka_NewTopic_set_config(request, name.c_str(), value.c_str());
  rd_kafka_CreateTopics(impl_->handle.get(), &request, 1, nullptr, impl_->queue.get());
  rd_kafka_NewTopic_destroy(request);
  const auto event = impl_->result(RD_KAFKA_EVENT_CREATETOPICS_RESULT, "create " + topic);
  std::size_t count = 0;
  const auto* topics =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  impl::check_topics(topics, count, "create " + topic);
  impl_->wait_for_partitions(topic, [&](std::int32_t led) { return led == partitions; });
  impl_->watermarks(topic);
}

void topic_admin::delete_topic(const std::string& topic) {
  auto* request = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(impl_->handle.get(), &request, 1, nullptr, impl_->queue.get());
  rd_kafka_DeleteTopic_destroy(request);
  const auto event = impl_->result(RD_KAFKA_EVENT_DELETETOPICS_RESULT, "delete " + topic);
  std::size_t count = 0;
  const auto* topics =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  impl::check_topics(topics, count, "delete " + topic);
  impl_->wait_for_partitions(topic, [](std::int32_t led) { return led == 0; });
}

void topic_admin::create_partitions(const std::string& topic, std::int32_t total) {
  char reason[512] = {};
  auto* request = rd_kafka_NewPartitions_new(topic.c_str(), static_cast<std::size_t>(total), reason,
                                             sizeof reason);
  if (!request)
    fail(topic, reason);
  rd_kafka_CreatePartitions(impl_->handle.get(), &request, 1, nullptr, impl_->queue.get());
  rd_kafka_NewPartitions_destroy(request);
  const auto event = impl_->result(RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT, "grow " + topic);
  std::size_t count = 0;
  const auto* topics = rd_kafka_CreatePartitions_result_topics(
      rd_kafka_event_CreatePartitions_result(event.get()), &count);
  impl::check_topics(topics, count, "grow " + topic);
  impl_->wait_for_partitions(topic, [&](std::int32_t led) { return led == total; });
  impl_->watermarks(topic);
}

void topic_admin::delete_records(const std::string& topic, std::int32_t partition,
                                 std::int64_t before) {
  list_ptr offsets{rd_kafka_topic_partition_list_new(1)};
  rd_kafka_topic_partition_list_add(offsets.get(), topic.c_str(), partition)->offset = before;
  auto* request = rd_kafka_DeleteRecords_new(offsets.get());
  rd_kafka_DeleteRecords(impl_->handle.get(), &request, 1, nullptr, impl_->queue.get());
  rd_kafka_DeleteRecords_destroy(request);
  const auto event =
      impl_->result(RD_KAFKA_EVENT_DELETERECORDS_RESULT, "delete records of " + topic);
  check(rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()))
            ->elems[0]
            .err,
        "delete records of " + topic);
}

void topic_admin::delete_group(const std::string& group) {
  auto* request = rd_kafka_DeleteGroup_new(group.c_str());
  rd_kafka_DeleteGroups(impl_->handle.get(), &request, 1, nullptr, impl_->queue.get());
  rd_kafka_DeleteGroup_destroy(request);
  const auto event = impl_->result(RD_KAFKA_EVENT_DELETEGROUPS_RESULT, "delete group " + group);
  std::size_t count = 0;
  const auto* results =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i)
    if (const auto* error = rd_kafka_group_result_error(results[i]))
      fail("delete group " + group, rd_kafka_error_string(error));
}

std::int32_t topic_admin::partition_count(const std::string& topic) {
  return impl_->led_partitions(topic);
}

std::vector<std::int64_t> topic_admin::begin_offsets(const std::string& topic) {
  std::vector<std::int64_t> offsets;
  for (const auto& [begin, end] : impl_->watermarks(topic))
    offsets.push_back(begin);
  return offsets;
}

std::vector<std::int64_t> topic_admin::end_offsets(const std::string& topic) {
  std::vector<std::int64_t> offsets;
  for (const auto& [begin, end] : impl_->watermarks(topic))
    offsets.push_back(end);
  return offsets;
}

std::vector<std::optional<std::int64_t>> topic_admin::committed_offsets(const std::string& group,
                                                                        const std::string& topic) {
  const auto consumer = impl_->consumer(group, isolation::read_committed);
  const auto list = impl_->all_partitions(topic);
  check(rd_kafka_committed(consumer.get(), list.get(), patience_ms),
        "committed offsets of " + group);
  std::vector<std::optional<std::int64_t>> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    check(list->elems[i].err, "committed offset of " + group);
    offsets.push_back(list->elems[i].offset >= 0 ? std::optional{list->elems[i].offset}
                                                 : std::nullopt);
  }
  return offsets;
}

void topic_admin::commit_offsets(const std::string& group, const std::string& topic,
                                 const std::vector<std::int64_t>& next) {
  const auto consumer = impl_->consumer(group, isolation::read_committed);
  list_ptr list{rd_kafka_topic_partition_list_new(static_cast<int>(next.size()))};
  for (std::size_t p = 0; p < next.size(); ++p)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<std::int32_t>(p))
        ->offset = next[p];
  check(rd_kafka_commit(consumer.get(), list.get(), 0), "commit for " + group);
}

void topic_admin::produce(const std::string& topic, std::uint64_t count,
                          const std::function<void(std::uint64_t, outgoing_record&)>& fill,
                          const produce_options& options) {
  const auto what = "produce to " + topic;
  const bool in_transaction = !options.transactional_id.empty();
  properties own{{"linger.ms", "5"},
                 {"batch.size", std::to_string(options.batch_bytes)},
                 {"queue.buffering.max.messages", "500000"},
                 {"enable.idempotence", "true"},
                 {"log_level", "3"}};
  if (in_transaction)
    own["transactional.id"] = options.transactional_id;
  delivery result;
  const auto producer = make_handle(RD_KAFKA_PRODUCER, impl_->client, own, &result);
  if (in_transaction) {
    check(rd_kafka_init_transactions(producer.get(), patience_ms), what);
    check(rd_kafka_begin_transaction(producer.get()), what);
  }
  {
    topic_ptr local{rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr)};
    outgoing_record record;
    for (std::uint64_t i = 0; i < count; ++i) {
      fill(i, record);
      rd_kafka_resp_err_t code;
      while ((code = send(producer.get(), local.get(), record)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer.get(), 10);
      check(code, what);
      if (i % 1024 == 0)
        rd_kafka_poll(producer.get(), 0);
    }
    check(rd_kafka_flush(producer.get(), 4 * patience_ms), what);
  }
  if (result.failed)
    fail(what + ": " + std::to_string(result.failed) + " records refused",
         rd_kafka_err2str(result.first));
  if (!in_transaction)
    return;
  switch (options.end) {
  case transaction_end::commit:
    return check(rd_kafka_commit_transaction(producer.get(), patience_ms), what);
  case transaction_end::abort:
    return check(rd_kafka_abort_transaction(producer.get(), patience_ms), what);
  case transaction_end::leave_open:
    return;
  }
}

void topic_admin::produce(const std::string& topic, const std::vector<std::string>& values,
                          std::int32_t partition) {
  produce(topic, values.size(), [&](std::uint64_t i, outgoing_record& record) {
    record.value = values[i];
    record.partition = partition;
  });
}

std::vector<stored_record> topic_admin::consume_all(const std::string& topic, isolation level) {
  const auto consumer = impl_->consumer("consume-all", level);
  const auto list = impl_->all_partitions(topic);
  for (int i = 0; i < list->cnt; ++i)
    list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
  check(rd_kafka_assign(consumer.get(), list.get()), "assign " + topic);
  std::vector<stored_record> records;
  for (int ended = 0; ended < list->cnt;) {
    message_ptr message{rd_kafka_consumer_poll(consumer.get(), patience_ms)};
    if (!message)
      fail(topic, "no end of partition in time");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      ++ended;
    else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      records.push_back(read(*message));
    else
      fail(topic, rd_kafka_message_errstr(message.get()));
  }
  std::ranges::stable_sort(records, {},
                           [](const stored_record& r) { return std::pair{r.partition, r.offset}; });
  return records;
}

} // namespace weir::testing_support
