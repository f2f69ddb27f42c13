#include <weir/connectors/kafka/internal/fetch_client.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace weir::kafka {

namespace {

expected<void> check(rd_kafka_error_t* raw, std::string_view tried) {
  const api_error_ptr failure(raw);
  if (!failure)
    return {};
  return to_error(rd_kafka_error_code(failure.get()), tried, rd_kafka_error_string(failure.get()));
}

} // namespace

expected<std::shared_ptr<fetch_client>> fetch_client::make(const direct_stream_options& options,
                                                           const queue_sizes& sizes, log_hook log,
                                                           thread_hook started) {
  auto user = options.properties;
  user.erase("group.instance.id"); // the identity of the member; two handles with it would fence
                                   // each other
  property_list own = sizes.as_properties();
  own.insert(
      own.end(),
      {{"bootstrap.servers", options.brokers},
       // Never joined and never committed to, but librdkafka's consumer calls fail without one.
       {"group.id", options.group.empty() ? "weir-fetch" : options.group + "-weir-fetch"},
       {"isolation.level", "read_committed"},
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
  auto made = client::make(RD_KAFKA_CONSUMER, std::move(*conf), std::move(state));
  if (!made)
    return std::move(made).error();
  return std::shared_ptr<fetch_client>(new fetch_client(std::move(*made), options));
}

fetch_client::fetch_client(std::unique_ptr<client> made, const direct_stream_options& options)
    : client_(std::move(made)), wants_headers_(options.include_headers) {
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
    made.handle.reset(rd_kafka_topic_new(handle, start.topic.c_str(), nullptr));
    made.queue.reset(rd_kafka_queue_get_partition(handle, start.topic.c_str(), start.partition));
    if (!made.handle || !made.queue)
      return error{errc::unknown_topic,
                   fmt::format("{} [{}]: Kafka's client knows no such partition", start.topic,
                               start.partition)};
    rd_kafka_queue_forward(made.queue.get(),
                           nullptr); // before `assign`, which would forward it otherwise
    rd_kafka_queue_cb_event_enable(
        made.queue.get(),
        [](rd_kafka_t*, void* signal) { static_cast<wake_signal*>(signal)->fire(); }, &signal_);
    kafka::add(list.get(), start.topic, start.partition, start.offset);
    lanes_.push_back(std::move(made));
  }
  return check(rd_kafka_incremental_assign(handle, list.get()),
               "assigning partitions to a fetch handle");
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

expected<std::vector<fetch_client::answer>>
fetch_client::offsets(std::span<const repair> partitions, std::int64_t which,
                      milliseconds timeout) const {
  if (partitions.empty())
    return std::vector<answer>();
  const auto list = make_partition_list(partitions.size());
  for (const auto& p : partitions)
    kafka::add(list.get(), p.topic, p.partition, which);
  const auto failure =
      rd_kafka_offsets_for_times(client_->get(), list.get(), static_cast<int>(timeout.count()));
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, "asking Kafka for offsets", client_->state().last_problem());
  std::vector<answer> found;
  for (const auto& p : std::span(list->elems, static_cast<std::size_t>(list->cnt)))
    found.push_back({p.offset, p.err});
  return found;
}

expected<void> fetch_client::seek(lane& at, std::int64_t offset) {
  if (at.waits_for_repair)
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
  if (auto joined = check(rd_kafka_incremental_assign(client_->get(), list.get()), tried); !joined)
    return joined;
  at.next = offset;
  at.held.reset();
  at.touched = false;
  at.waits_for_repair = false;
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
