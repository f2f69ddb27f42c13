#include <weir/connectors/kafka/internal/fetch_client.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <thread>
#include <utility>

#include <pthread.h>

namespace weir::kafka {

namespace {

/// How long a call that cannot be left may wait.
constexpr milliseconds short_wait{200};

expected<void> check(rd_kafka_error_t* raw, std::string_view tried) {
  const api_error_ptr failure(raw);
  if (!failure)
    return {};
  return to_error(rd_kafka_error_code(failure.get()), tried, rd_kafka_error_string(failure.get()));
}

} // namespace

expected<std::shared_ptr<fetch_client>> fetch_client::make(const direct_stream_options& options,
                                                           const queue_sizes& sizes, log_hook log,
                                                           thread_hook started,
                                                           std::shared_ptr<log_evidence> evidence,
                                                           std::string_view level) {
  auto user = options.properties;
  user.erase("group.instance.id"); // the identity of the member; two handles with it would fence
                                   // each other
  property_list own = sizes.as_properties();
  own.insert(
      own.end(),
      {{"bootstrap.servers", options.brokers},
       // Never joined and never committed to, but librdkafka's consumer calls fail without one.
       {"group.id", options.group.empty() ? "weir-fetch" : options.group + "-weir-fetch"},
       {"isolation.level", std::string(level)},
       {"auto.offset.reset", "error"},
       {"enable.auto.commit", "false"},
       {"enable.auto.offset.store", "false"},
       {"enable.partition.eof", "true"},
       {"topic.metadata.refresh.interval.ms", std::to_string(options.discovery_interval.count())},
       // No limit: a block that is full ends the call. With a limit below the queue's length
       // librdkafka goes through its list message by message, which costs a cache miss for each.
       {"consume.callback.max.messages", "0"}});
  if (const auto largest = user.find("message.max.bytes");
      largest != user.end()) // must not exceed the fetch
    own.emplace_back("fetch.max.bytes",
                     std::to_string(std::max<std::int64_t>(sizes.fetch_bytes,
                                                           std::atoll(largest->second.c_str()))));
  // A fetch that found nothing holds up its connection: partitions whose queues were full when it
  // was sent wait for it.
  if (!user.contains("fetch.wait.max.ms"))
    own.emplace_back("fetch.wait.max.ms", "20");
  if (!user.contains("socket.nagle.disable"))
    own.emplace_back("socket.nagle.disable", "true");
  auto conf = make_conf(user, own);
  if (!conf)
    return std::move(conf).error();
  auto state =
      std::make_shared<client_state>("weir.kafka.fetch", std::move(log),
                                     redactor(options.properties), nullptr, std::move(started));
  if (evidence)
    state->on_metadata([evidence] { evidence->raise_doubt(); });
  auto made = client::make(RD_KAFKA_CONSUMER, std::move(*conf), std::move(state));
  if (!made)
    return std::move(made).error();
  return std::shared_ptr<fetch_client>(
      new fetch_client(std::move(*made), options, std::move(evidence)));
}

fetch_client::fetch_client(std::unique_ptr<client> made, const direct_stream_options& options,
                           std::shared_ptr<log_evidence> evidence)
    : client_(std::move(made)), evidence_(std::move(evidence)),
      wants_headers_(options.include_headers) {
  const auto of = [&](const char* property) {
    const auto found = options.properties.find(property);
    return found == options.properties.end() ? std::string("none") : found->second;
  };
  sasl_user_ = of("sasl.username");
  sasl_password_ = of("sasl.password");
}

fetch_client::~fetch_client() { clear(); }

expected<void> fetch_client::assign(std::span<const start_position> starts) {
  clear();
  return add(starts);
}

expected<void> fetch_client::add(std::span<const start_position> starts) {
  if (starts.empty())
    return {};
  auto* handle = client_->get();
  const auto list = make_partition_list(starts.size());
  for (const auto& start : starts) {
    lane made{.topic = start.topic,
              .partition = start.partition,
              .handle = {},
              .queue = {},
              .next = start.offset,
              .settled = start.offset,
              .held = {}};
    if (auto opened = open_queue(made); !opened)
      return opened;
    kafka::add(list.get(), start.topic, start.partition, start.offset);
    lanes_.push_back(std::move(made));
  }
  return check(rd_kafka_incremental_assign(handle, list.get()),
               "assigning partitions to a fetch handle");
}

expected<void> fetch_client::open_queue(lane& at) {
  auto* handle = client_->get();
  at.handle.reset(rd_kafka_topic_new(handle, at.topic.c_str(), nullptr));
  at.queue.reset(rd_kafka_queue_get_partition(handle, at.topic.c_str(), at.partition));
  if (!at.handle || !at.queue)
    return error{errc::unknown_topic, fmt::format("{} [{}]: Kafka's client knows no such partition",
                                                  at.topic, at.partition)};
  rd_kafka_queue_forward(at.queue.get(),
                         nullptr); // before `assign`, which would forward it otherwise
  rd_kafka_queue_cb_event_enable(
      at.queue.get(), [](rd_kafka_t*, void* signal) { static_cast<wake_signal*>(signal)->fire(); },
      &signal_);
  return {};
}

void fetch_client::clear() {
  if (lanes_.empty())
    return;
  const auto list = make_partition_list(lanes_.size());
  for (const auto& at : lanes_) {
    rd_kafka_queue_cb_event_enable(at.queue.get(), nullptr, nullptr);
    kafka::add(list.get(), at.topic, at.partition);
  }
  if (auto stopped =
          check(rd_kafka_incremental_unassign(client_->get(), list.get()), "leaving partitions");
      !stopped)
    client_->state().log(log_level::warning, stopped.error().message());
  lanes_.clear();
  const std::lock_guard lock(repairs_mutex_);
  asked_.clear();
  answered_.clear();
}

void fetch_client::drop_queued(std::string_view topic, std::int32_t partition) {
  for (auto& at : lanes_)
    if (at.partition == partition && at.topic == topic)
      at.stale = true;
  const std::lock_guard lock(repairs_mutex_);
  std::erase_if(answered_, [&](const repair& about) { // of the old log
    return about.partition == partition && about.topic == topic;
  });
}

bool fetch_client::doubts(const lane& at) {
  if (!evidence_ || evidence_->trusts({at.topic, at.partition}))
    return false;
  asks_to_verify_.store(true, std::memory_order_release);
  return true;
}

void fetch_client::remember(const lane& at, const record& last) const {
  if (!evidence_)
    return;
  const auto size = [](const auto& bytes) { return bytes ? bytes->size() : 0; };
  evidence_->read(at.topic, at.partition,
                  {.offset = last.offset,
                   .timestamp = last.timestamp ? last.timestamp->time_since_epoch().count() : -1,
                   .bytes = size(last.key) + size(last.value)});
}

expected<std::vector<fetch_client::answer>>
fetch_client::offsets(std::span<const repair> partitions, std::int64_t which,
                      milliseconds timeout) const {
  if (partitions.empty())
    return std::vector<answer>();
  const auto make_list = [&] {
    auto list = make_partition_list(partitions.size());
    for (const auto& p : partitions)
      kafka::add(list.get(), p.topic, p.partition, which);
    return list;
  };
  // librdkafka's call cannot be left. A broker that is there answers in some milliseconds; only
  // when none has does another thread wait on, which may be left behind.
  auto list = make_list();
  auto failure = rd_kafka_offsets_for_times(
      client_->get(), list.get(), static_cast<int>(std::min(timeout, short_wait).count()));
  if (failure == RD_KAFKA_RESP_ERR__TIMED_OUT && timeout > short_wait && !client_->interrupted()) {
    list = make_list();
    failure = ask_apart(list, timeout - short_wait);
  }
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, "asking Kafka for offsets", client_->state().last_problem());
  std::vector<answer> found;
  for (const auto& p : std::span(list->elems, static_cast<std::size_t>(list->cnt)))
    found.push_back({p.offset, p.err});
  return found;
}

rd_kafka_resp_err_t fetch_client::ask_apart(partition_list_ptr& list, milliseconds timeout) const {
  struct shared {
    std::mutex mutex;
    std::condition_variable answered;
    partition_list_ptr list;
    std::optional<rd_kafka_resp_err_t> failure;
  };
  auto call = std::make_shared<shared>();
  call->list = std::move(list);
  ++left_behind_;
  std::thread([call, timeout, self = shared_from_this()] {
    constexpr auto name = "weir.rdk.ask";
    pthread_setname_np(pthread_self(), name);
    if (const auto started = self->client_->state().on_thread_start())
      started(name);
    const auto failure = rd_kafka_offsets_for_times(self->client_->get(), call->list.get(),
                                                    static_cast<int>(timeout.count()));
    {
      const std::lock_guard lock(call->mutex);
      call->failure = failure;
      call->answered.notify_all();
    }
    --self->left_behind_;
  }).detach();
  std::unique_lock lock(call->mutex);
  while (!call->failure && !client_->interrupted())
    call->answered.wait_for(lock, milliseconds(20));
  if (!call->failure) {
    list = make_partition_list(0);
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
  }
  list = std::move(call->list);
  return *call->failure;
}

void fetch_client::leave() const {
  client_->state().interrupt();
  if (left_behind_ > 0)
    client_->state().detach();
}

expected<void> fetch_client::seek(lane& at, std::int64_t offset) {
  if (at.waits_for_repair || at.stale)
    return restart(at, offset);
  const auto list = make_partition_list(1);
  kafka::add(list.get(), at.topic, at.partition, offset);
  // Without a timeout the call does not wait (its waiting is broken in 2.0.2), and the queue's
  // version rises before it returns: what was fetched before is dropped.
  if (auto done = check(rd_kafka_seek_partitions(client_->get(), list.get(), 0),
                        fmt::format("seeking {} [{}] to {}", at.topic, at.partition, offset));
      !done)
    return done;
  at.next = offset;
  at.held.reset();
  at.touched = false;
  return {};
}

expected<void> fetch_client::restart(lane& at, std::int64_t offset) {
  const auto list = make_partition_list(1);
  kafka::add(list.get(), at.topic, at.partition, offset);
  const auto tried = fmt::format("restarting {} [{}] at {}", at.topic, at.partition, offset);
  if (auto left = check(rd_kafka_incremental_unassign(client_->get(), list.get()), tried); !left)
    return left;
  // A topic that was away has a new queue in the client.
  rd_kafka_queue_cb_event_enable(at.queue.get(), nullptr, nullptr);
  if (auto opened = open_queue(at); !opened)
    return opened;
  if (auto joined = check(rd_kafka_incremental_assign(client_->get(), list.get()), tried); !joined)
    return joined;
  at.next = offset;
  at.held.reset();
  at.touched = false;
  at.waits_for_repair = false;
  at.stale = false;
  return {};
}

void fetch_client::end_rest() const {
  // Setting the credentials wakes every broker thread, and each decides anew what to fetch; nothing
  // is sent. They are the ones the client has already, or, without SASL, any.
  const api_error_ptr ignored(
      rd_kafka_sasl_set_credentials(client_->get(), sasl_user_.c_str(), sasl_password_.c_str()));
}

void fetch_client::ask_repair(repair found) {
  const std::lock_guard lock(repairs_mutex_);
  asked_.push_back(std::move(found));
}

std::vector<repair> fetch_client::take_asked() {
  const std::lock_guard lock(repairs_mutex_);
  return std::exchange(asked_, {});
}

void fetch_client::answer_repair(repair answered) {
  {
    const std::lock_guard lock(repairs_mutex_);
    answered_.push_back(std::move(answered));
  }
  signal_.fire();
}

std::vector<repair> fetch_client::take_answered() {
  const std::lock_guard lock(repairs_mutex_);
  return std::exchange(answered_, {});
}

} // namespace weir::kafka
