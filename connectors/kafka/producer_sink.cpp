#include <weir/connectors/kafka/producer_sink.hpp>

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>

namespace weir::kafka {

namespace {

using namespace std::chrono_literals;

property_list own_properties(const producer_options& options) {
  property_list own = {{"bootstrap.servers", options.brokers},
                       {"partitioner", options.partitioner},
                       {"enable.idempotence", options.idempotent ? "true" : "false"},
                       {"delivery.timeout.ms", std::to_string(options.delivery_timeout.count())},
                       // The sink counts bytes itself, with what the client adds to each record.
                       {"queue.buffering.max.kbytes", "2097151"}};
  if (!options.properties.contains("socket.nagle.disable"))
    own.emplace_back("socket.nagle.disable", "true");
  if (!options.properties.contains("queue.buffering.max.messages")) // bytes are the limit
    own.emplace_back("queue.buffering.max.messages", "10000000");
  return own;
}

/// What the client keeps of a queued record beyond its bytes.
constexpr std::size_t record_overhead = 256;

/// What travels with a record: the batch it was sent in and what it weighs.
struct tag {
  static constexpr std::size_t grain = 16; ///< Bytes; weights are rounded up to it.

  std::uint32_t batch = 0;
  std::uint32_t grains = 0; ///< Below 2^31.
  bool is_cut = false;      ///< It stands for one that was too large.

  [[nodiscard]] std::size_t bytes() const noexcept { return std::size_t{grains} * grain; }
  [[nodiscard]] void* packed() const noexcept {
    return reinterpret_cast<void*>((std::uintptr_t{batch} << 32) | (std::uintptr_t{is_cut} << 31) |
                                   grains);
  }
  static tag unpack(const void* packed) noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(packed);
    return {static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits & 0x7FFFFFFF),
            (bits >> 31 & 1) != 0};
  }
};
static_assert(sizeof(void*) == 8);

std::uint32_t weigh(const outgoing& record) {
  const auto size = [](const auto& bytes) { return bytes ? bytes->size() : 0; };
  auto total = record_overhead + size(record.key) + size(record.value);
  for (const auto& h : record.headers)
    total += h.name.size() + size(h.value) + 64;
  return static_cast<std::uint32_t>((total + tag::grain - 1) / tag::grain);
}

/// Pointer and size; null only for null, since an empty value is not a tombstone.
std::pair<const char*, std::size_t> bytes_of(const std::optional<std::string_view>& bytes) {
  if (!bytes)
    return {nullptr, 0};
  return {bytes->data() ? bytes->data() : "", bytes->size()};
}

/// The record for an error: how large it is and how to find it.
std::string describe(const outgoing& record) {
  std::size_t headers = 0;
  for (const auto& h : record.headers)
    headers += h.name.size() + (h.value ? h.value->size() : 0);
  const auto value = record.value ? record.value->size() : 0;
  const auto key = record.key ? record.key->size() : 0;
  return fmt::format(
      "a record of {} bytes ({}, value of {} bytes, headers of {})", key + value + headers,
      record.key ? fmt::format("key \"{}\"", shown(*record.key)) : "no key", value, headers);
}

std::optional<std::string_view> view_of(const void* bytes, std::size_t size) {
  return bytes ? std::optional(std::string_view(static_cast<const char*>(bytes), size))
               : std::nullopt;
}

/// The record that a delivery report is about. `headers` keeps what it points to.
outgoing record_of(const rd_kafka_message_t& message, std::vector<header>& headers) {
  rd_kafka_headers_t* all = nullptr;
  if (rd_kafka_message_headers(&message, &all) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(all, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
      headers.push_back({name, view_of(value, size)});
  }
  outgoing record{.topic = rd_kafka_topic_name(message.rkt),
                  .key = view_of(message.key, message.key_len),
                  .value = view_of(message.payload, message.len),
                  .headers = headers};
  if (const auto stamp = rd_kafka_message_timestamp(&message, nullptr); stamp > 0)
    record.timestamp = event_time(milliseconds(stamp));
  return record;
}

} // namespace

struct producer::impl {
  producer_options options;
  shorten_function shorten = nullptr;
  replica_context env;
  std::unique_ptr<client> connection;
  queue_ptr events;

  std::uint32_t batch =
      0; ///< Number of the open batch; reports of an aborted one carry an older number.
  std::uint64_t unacked = 0; ///< Records of the open batch without a report.
  std::size_t queued = 0;    ///< Bytes of all records without a report.
  std::size_t most_queued = 0;
  std::optional<error> failure;
  std::vector<owned_outgoing> shortened; ///< In the place of records that the broker has refused.
  std::atomic<bool> waiting{false};      ///< Somebody wants `env.wake` at the next event.

  expected<void> connect();
  void disconnect() noexcept;
  void drop() noexcept; ///< With what it has.
  /// A new producer with a new identity; what the old one had is dropped.
  void start_over() noexcept;

  /// Takes delivery reports. Callbacks run on this thread, inside the poll.
  void serve() { rd_kafka_poll(connection->get(), 0); }

  void on_report(const rd_kafka_message_t& message) {
    const auto sent = tag::unpack(message._private);
    queued -= sent.bytes();
    if (sent.batch != batch)
      return;
    --unacked;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR)
      return;
    std::vector<header> headers;
    const auto record = record_of(message, headers);
    if (message.err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && shorten && !sent.is_cut)
      shortened.push_back(shorten(record));
    else if (!failure)
      failure = to_error(message.err,
                         fmt::format("delivering {} to {} [{}]", describe(record),
                                     rd_kafka_topic_name(message.rkt), message.partition),
                         limit(message.err));
  }

  expected<progress> send(const outgoing& record, bool short_already);

  /// What the client allows, where that may be what a record exceeds.
  [[nodiscard]] std::string limit(rd_kafka_resp_err_t code) const {
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? connection->setting("message.max.bytes")
                                                        : std::string();
  }

  /// One record is always let in, however large.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return queued == 0 || queued + bytes <= most_queued;
  }

  expected<void> health() const {
    std::array<char, 512> text{};
    if (const auto fatal = rd_kafka_fatal_error(connection->get(), text.data(), text.size()))
      return to_error(fatal, "producing to Kafka", text.data());
    return {};
  }
};

producer::producer(producer_options options, shorten_function shorten)
    : impl_(std::make_unique<impl>()) {
  impl_->options = std::move(options);
  impl_->shorten = shorten;
}
producer::~producer() { close(); }

expected<void> producer::open(const replica_context& env) {
  auto& self = *impl_;
  self.env = env;
  const auto& options = self.options;
  if (auto ok = options.check(); !ok)
    return ok;
  self.most_queued = options.max_queued_bytes;
  if (env.retained_share > 0)
    self.most_queued = std::min(self.most_queued, env.retained_share);
  if (auto connected = self.connect(); !connected)
    return connected;
  // Asking for the topic shows whether a broker is there, and warms the metadata: the first record
  // would wait for it.
  const std::vector<std::string> topic{options.topic};
  auto known = self.connection->topics(
      options.topic.empty() ? std::span<const std::string>() : topic, options.connect_timeout);
  if (!known)
    return std::move(known).error();
  return {};
}

expected<void> producer::impl::connect() {
  auto conf = make_conf(options.properties, own_properties(options));
  if (!conf)
    return std::move(conf).error();
  rd_kafka_conf_set_dr_msg_cb(
      conf->get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
        static_cast<impl*>(static_cast<client_state*>(opaque)->owner())->on_report(*message);
      });
  auto state = std::make_shared<client_state>(
      "weir.kafka.producer",
      [log = env.log](log_level level, std::string_view component, std::string_view message) {
        log(level, fmt::format("{}: {}", component, message));
      },
      redactor(options.properties), this, env.on_thread_start);
  auto made = client::make(RD_KAFKA_PRODUCER, std::move(*conf), std::move(state));
  if (!made)
    return std::move(made).error();
  connection = std::move(*made);
  events.reset(rd_kafka_queue_get_main(connection->get()));
  rd_kafka_queue_cb_event_enable(
      events.get(),
      [](rd_kafka_t*, void* opaque) {
        auto& self = *static_cast<impl*>(opaque);
        if (self.waiting.exchange(false, std::memory_order_acq_rel))
          self.env.wake();
      },
      this);
  return {};
}

void producer::impl::disconnect() noexcept {
  if (events)
    rd_kafka_queue_cb_event_enable(events.get(), nullptr, nullptr);
  events.reset();
}

/// A client that has something on its way can take seconds to end while no broker answers.
void producer::impl::drop() noexcept {
  disconnect();
  rd_kafka_purge(connection->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                        RD_KAFKA_PURGE_F_NON_BLOCKING);
  client::abandon(std::move(connection));
  queued = 0;
}

void producer::impl::start_over() noexcept {
  drop();
  try {
    if (auto connected = connect(); !connected)
      failure = std::move(connected).error();
  } catch (const std::exception& thrown) {
    failure.emplace(errc::sink_failed, thrown.what());
  }
}

expected<progress> producer::send(const outgoing& record) { return impl_->send(record, false); }

expected<progress> producer::impl::send(const outgoing& record, bool short_already) {
  const std::string_view topic = record.topic.empty() ? options.topic : record.topic;
  if (topic.empty())
    return error{errc::sink_failed,
                 "a record names no topic and the sink has none; set the option `topic`"};
  if (failure)
    return *failure;
  if (!connection) // a new one could not be made after an abort
    if (auto connected = connect(); !connected)
      return std::move(connected).error();
  const tag mark{batch, weigh(record), short_already};
  if (!has_room(mark.bytes())) {
    // Armed before the last look, so that a report in between is not missed.
    waiting.store(true, std::memory_order_seq_cst);
    serve();
    if (failure)
      return *failure;
    if (!has_room(mark.bytes()))
      return progress::blocked;
  }
  headers_ptr headers;
  if (!record.headers.empty()) {
    headers.reset(rd_kafka_headers_new(record.headers.size()));
    for (const auto& h : record.headers) {
      const auto [bytes, size] = bytes_of(h.value);
      rd_kafka_header_add(headers.get(), h.name.data(), static_cast<ssize_t>(h.name.size()), bytes,
                          static_cast<ssize_t>(size));
    }
  }
  // The client wants a terminated name; topics repeat, so the last one is kept.
  thread_local std::string name;
  if (name != topic) {
    if (auto ok = check_topic("a record's topic", topic); !ok)
      return error(errc::sink_failed, ok.error().message());
    name = topic;
  }
  const auto [value, value_size] = bytes_of(record.value);
  const auto [key, key_size] = bytes_of(record.key);
  const auto partition = record.partition.value_or(RD_KAFKA_PARTITION_UA);
  std::int64_t stamp = 0; // to the client: the time of writing
  if (record.timestamp) {
    stamp = std::max<std::int64_t>(1, record.timestamp->time_since_epoch().count());
    if (*record.timestamp < event_time{})
      return error{
          errc::sink_failed,
          fmt::format("a record for {} has the timestamp {} ms, before 1970: Kafka has none "
                      "such; set another one, or none",
                      topic, record.timestamp->time_since_epoch().count())};
  }
  for (int attempt = 0;; ++attempt) {
    // The variadic call: the one that takes an array frees headers twice when the partition does
    // not exist (2.0.2).
    const auto answer = rd_kafka_producev(
        connection->get(), RD_KAFKA_V_TOPIC(name.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): copied, not written to
        RD_KAFKA_V_VALUE(const_cast<char*>(value), value_size), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_TIMESTAMP(stamp), RD_KAFKA_V_HEADERS(headers.get()),
        RD_KAFKA_V_OPAQUE(mark.packed()), RD_KAFKA_V_END);
    if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)headers.release(); // the client's now
      ++unacked;
      queued += mark.bytes();
      return progress::done;
    }
    if (answer == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && shorten && !short_already)
      return send(shorten(record), true);
    if (answer != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      if (auto ok = health(); !ok)
        return std::move(ok).error();
      return to_error(answer, fmt::format("producing {} to {}", describe(record), topic),
                      limit(answer));
    }
    // Full: armed before the last look, so that a report in between is not missed.
    if (attempt == 1)
      return progress::blocked;
    waiting.store(true, std::memory_order_seq_cst);
    serve();
    if (failure)
      return *failure;
  }
}

expected<progress> producer::flush() {
  auto& self = *impl_;
  self.waiting.store(true, std::memory_order_seq_cst);
  if (self.connection)
    self.serve();
  for (; !self.shortened.empty() && !self.failure; self.shortened.pop_back())
    if (auto sent = self.send(self.shortened.back(), true); !sent || *sent == progress::blocked)
      return sent;
  if (self.failure)
    return std::move(*std::exchange(self.failure, std::nullopt));
  if (self.unacked == 0) {
    self.waiting.store(false, std::memory_order_relaxed);
    return progress::done;
  }
  if (auto ok = self.health(); !ok)
    return std::move(ok).error();
  return progress::blocked;
}

// A record that an idempotent producer has given a number must be written: were it purged, the next
// batch would follow a gap, and be refused as out of order.
void producer::abort() noexcept {
  auto& self = *impl_;
  if (!self.connection)
    return;
  const bool numbered = self.options.idempotent && (self.queued > 0 || self.failure);
  ++self.batch; // reports of what is on its way no longer count
  self.unacked = 0;
  self.shortened.clear();
  self.failure.reset();
  if (numbered || !self.health())
    return self.start_over();
  rd_kafka_purge(self.connection->get(), RD_KAFKA_PURGE_F_QUEUE);
  self.serve();
}

void producer::close() noexcept {
  if (impl_->connection && impl_->queued > 0)
    return impl_->drop();
  impl_->disconnect();
  impl_->connection.reset();
}

} // namespace weir::kafka
