#include <weir/connectors/kafka/internal/client.hpp>

#include <weir/connectors/kafka/internal/errors.hpp>
#include <weir/connectors/kafka/internal/names.hpp>
#include <weir/runtime/time.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <thread>
#include <utility>

#include <pthread.h>

namespace weir::kafka {

namespace {

client_state* state_of(const rd_kafka_t* handle) {
  return static_cast<client_state*>(rd_kafka_opaque(handle));
}

void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) noexcept {
  try {
    if (auto* state = handle ? state_of(handle) : nullptr)
      state->log(level_of(level), fmt::format("{}: {}", facility, text));
  } catch (...) { // no memory for a log line
  }
}

void on_error(rd_kafka_t* handle, int code, const char* reason, void*) noexcept {
  try {
    state_of(handle)->note(static_cast<rd_kafka_resp_err_t>(code), reason ? reason : "");
  } catch (...) { // no memory for the text
  }
}

rd_kafka_resp_err_t on_thread(rd_kafka_t*, rd_kafka_thread_type_t, const char*,
                              void* opaque) noexcept {
  static_cast<client_state*>(opaque)->thread_started();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// Kafka's numbers of requests.
enum api : std::int16_t { metadata = 3, join_group = 11, heartbeat = 12, sync_group = 14 };

rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t key,
                                std::int16_t, std::int32_t, size_t, std::int64_t,
                                rd_kafka_resp_err_t, void* opaque) noexcept {
  auto& state = *static_cast<client_state*>(opaque);
  if (key == metadata)
    state.heard_metadata();
  else if (key == join_group || key == heartbeat || key == sync_group)
    state.group_answered(key == join_group);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t key,
                               std::int16_t, std::int32_t, size_t, void* opaque) noexcept {
  if (key == join_group)
    static_cast<client_state*>(opaque)->join_sent();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* opaque, char*,
                           size_t) noexcept {
  (void)rd_kafka_interceptor_add_on_request_sent(handle, "weir", &on_request, opaque);
  (void)rd_kafka_interceptor_add_on_response_received(handle, "weir", &on_response, opaque);
  return rd_kafka_interceptor_add_on_thread_start(handle, "weir", &on_thread, opaque);
}

bool loads_plugins(const rd_kafka_conf_t* conf) {
  std::size_t size = 0;
  return rd_kafka_conf_get(conf, "plugin.library.paths", nullptr, &size) == RD_KAFKA_CONF_OK &&
         size > 1;
}

/// The properties that a text of librdkafka names, with their values.
std::string properties_in(std::string_view text, rd_kafka_conf_t* conf) {
  std::string found;
  std::size_t count = 0;
  const char** const all = rd_kafka_conf_dump(conf, &count); // names and values in turn
  for (std::size_t i = 0; i + 1 < count; i += 2)
    if (const std::string_view name = all[i]; name.contains('.') && text.contains(name))
      found += fmt::format("; {} = \"{}\"", name, shown_value(name, all[i + 1]));
  rd_kafka_conf_dump_free(all, count);
  return found;
}

/// Creates the handle, whose `conf` is then. What librdkafka 2.0.2 looks at late, such as
/// certificates and logins, it refuses together with the configuration's interceptors: it frees
/// these, and would do so again with the configuration. One that has any is left behind, 3 KB.
expected<rd_kafka_t*> create(rd_kafka_type_t type, conf_ptr conf, bool has_interceptors,
                             const client_state& state) {
  std::array<char, 512> text{};
  auto* handle = rd_kafka_new(type, conf.get(), text.data(), text.size());
  std::string why;
  if (!handle)
    why = fmt::format("creating a Kafka client: {}{}; correct the property, or the file that it "
                      "names",
                      text.data(), properties_in(text.data(), conf.get()));
  if (handle || has_interceptors)
    (void)conf.release();
  if (!handle)
    return error{errc::invalid_config, state.clean(why)};
  return handle;
}

/// Makes a client of a copy without interceptors and without brokers, so that what is refused is
/// refused here, and ends it: 4 ms.
expected<void> try_out(rd_kafka_type_t type, const rd_kafka_conf_t* conf,
                       const client_state& state) {
  conf_ptr copy(rd_kafka_conf_dup(conf));
  (void)rd_kafka_conf_set(copy.get(), "bootstrap.servers", nullptr, nullptr, 0);
  rd_kafka_conf_set_log_cb(copy.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  auto made = create(type, std::move(copy), loads_plugins(conf), state);
  if (!made)
    return std::move(made).error();
  rd_kafka_destroy_flags(*made, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  return {};
}

} // namespace

log_level level_of(int syslog_level) noexcept {
  if (syslog_level <= 3)
    return log_level::error;
  if (syslog_level == 4)
    return log_level::warning;
  return syslog_level <= 6 ? log_level::info : log_level::debug;
}

void client_state::log(log_level level, std::string_view message) const {
  const auto text = redact_(message);
  const std::lock_guard lock(mutex_);
  if (log_)
    log_(level, component_, text);
}

void client_state::note(rd_kafka_resp_err_t code, std::string_view reason) {
  problems_.fetch_add(1, std::memory_order_relaxed);
  if (nature_of(code) == nature::transient) // a connection is lost, and what it waited for
    join_waits_.store(false, std::memory_order_relaxed);
  auto text = redact_(reason);
  if (const auto hint = login_hint(code, mechanism_, rd_kafka_version()); !hint.empty())
    text += fmt::format("; {}", hint);
  {
    const std::lock_guard lock(mutex_);
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
        last_problem_.empty()) // it follows the real reason
      last_problem_ = text;
    if (translate(code).code == errc::authentication)
      refused_ = to_error(code, "connecting to Kafka", text);
  }
  log(nature_of(code) == nature::transient ? log_level::warning : log_level::error,
      fmt::format("{}: {}", rd_kafka_err2name(code), text));
}

void client_state::thread_started() const {
  std::array<char, 16> name{}; // the kernel's limit
  (void)pthread_getname_np(pthread_self(), name.data(), name.size());
  const std::lock_guard lock(mutex_);
  if (started_)
    started_(name.data());
}

void client_state::group_answered(bool to_join) noexcept {
  if (to_join)
    join_waits_.store(false, std::memory_order_relaxed);
  answers_.fetch_add(1, std::memory_order_relaxed);
}

void client_state::heard_metadata() const {
  const std::lock_guard lock(mutex_);
  if (on_metadata_)
    on_metadata_();
}

thread_hook client_state::on_thread_start() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

std::string client_state::last_problem() const {
  const std::lock_guard lock(mutex_);
  return last_problem_;
}

std::optional<error> client_state::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void client_state::detach() {
  const std::lock_guard lock(mutex_);
  log_ = nullptr;
  started_ = nullptr;
  on_metadata_ = nullptr;
}

expected<std::unique_ptr<client>> client::make(rd_kafka_type_t type, conf_ptr conf,
                                               std::shared_ptr<client_state> state) {
  rd_kafka_conf_set_opaque(conf.get(), state.get());
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t* rk, int level, const char* facility,
                                          const char* text) { on_log(rk, level, facility, text); });
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t* rk, int code, const char* reason,
                                            void* opaque) { on_error(rk, code, reason, opaque); });
  std::array<char, 64> mechanism{};
  auto size = mechanism.size();
  if (rd_kafka_conf_get(conf.get(), "sasl.mechanism", mechanism.data(), &size) == RD_KAFKA_CONF_OK)
    state->logs_in_by(mechanism.data());
  // Consumers hear of the group's coordinator and of metadata, any client of threads.
  const bool hooked = type == RD_KAFKA_CONSUMER || state->on_thread_start() != nullptr;
  if (hooked) {
    if (auto taken = try_out(type, conf.get(), *state); !taken)
      return std::move(taken).error();
    (void)rd_kafka_conf_interceptor_add_on_new(conf.get(), "weir", &on_new, state.get());
  }
  const bool intercepted = hooked || loads_plugins(conf.get());
  auto handle = create(type, std::move(conf), intercepted, *state);
  if (!handle)
    return std::move(handle).error();
  if (type == RD_KAFKA_CONSUMER)
    rd_kafka_poll_set_consumer(*handle);
  return std::unique_ptr<client>(new client(*handle, std::move(state)));
}

void client::abandon(std::unique_ptr<client> what) {
  auto started = what->state_->on_thread_start();
  what->state_->detach();
  (void)release(std::exchange(what->handle_, nullptr), what->state_, milliseconds(0),
                std::move(started));
}

client::~client() {
  if (!handle_)
    return;
  auto started = state_->on_thread_start();
  state_->detach();
  (void)release(handle_, state_, milliseconds(5'000), std::move(started));
}

bool release(rd_kafka_t* handle, std::shared_ptr<client_state> state, milliseconds patience,
             thread_hook started) {
  struct shared {
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;
  };
  auto watch = std::make_shared<shared>();
  std::thread([handle, watch, started = std::move(started),
               state = std::move(state)] { // `state` lives as long as callbacks may come
    constexpr auto name = "weir.rdk.end";
    pthread_setname_np(pthread_self(), name);
    if (started)
      started(name);
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    const std::lock_guard lock(watch->mutex);
    watch->done = true;
    watch->ended.notify_all();
  })
      .detach();
  std::unique_lock lock(watch->mutex);
  return watch->ended.wait_for(lock, patience, [&] { return watch->done; });
}

std::string client::setting(const char* name) const {
  std::array<char, 64> value{};
  auto size = value.size();
  (void)rd_kafka_conf_get(rd_kafka_conf(handle_), name, value.data(), &size);
  return fmt::format("{} is {}", name, value.data());
}

expected<std::vector<topic_info>> client::describe(rd_kafka_topic_t* only, bool all,
                                                   milliseconds timeout) const {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto failure =
      rd_kafka_metadata(handle_, all ? 1 : 0, only, &raw, static_cast<int>(timeout.count()));
  if (failure != RD_KAFKA_RESP_ERR_NO_ERROR)
    return to_error(failure, "asking Kafka for its topics", state_->last_problem());
  std::vector<topic_info> found;
  for (const auto& topic : std::span(raw->topics, static_cast<std::size_t>(raw->topic_cnt)))
    found.push_back({topic.topic, topic.partition_cnt, topic.err});
  rd_kafka_metadata_destroy(raw);
  return found;
}

expected<std::vector<topic_info>> client::topics(std::span<const std::string> names,
                                                 milliseconds timeout) const {
  using clock = std::chrono::steady_clock;
  const auto deadline = deadline_after(clock::now(), timeout);
  std::vector<topic_info> found;
  std::size_t next = 0;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
    const auto slice =
        std::clamp(left, milliseconds(1), milliseconds(500)); // to notice a refused login soon
    topic_ptr only;
    if (!names.empty())
      only.reset(rd_kafka_topic_new(handle_, names[next].c_str(), nullptr));
    auto answer = describe(only.get(), names.empty(), slice);
    if (answer) {
      found.insert(found.end(), answer->begin(), answer->end());
      if (++next >= names.size())
        return found;
      continue;
    }
    if (rd_kafka_type(handle_) == RD_KAFKA_CONSUMER)
      serve();
    else
      rd_kafka_poll(handle_, 0);
    if (auto no = state_->refused())
      return std::move(*no);
    if (left <= milliseconds(0) || state_->interrupted()) {
      const auto why = state_->last_problem();
      return error{errc::unreachable_broker,
                   fmt::format("no Kafka broker answered within {} ms{}{}; check `brokers` and "
                               "that a broker listens there",
                               timeout.count(), why.empty() ? "" : ": ", why)};
    }
  }
}

void client::serve() const {
  // Bounded: an error that repeats at once must not hold the thread.
  for (int i = 0; i < 64; ++i) {
    const message_ptr event(rd_kafka_consumer_poll(handle_, 0));
    if (!event)
      return;
    if (event->err != RD_KAFKA_RESP_ERR_NO_ERROR && nature_of(event->err) != nature::none)
      state_->note(event->err, rd_kafka_message_errstr(event.get()));
  }
}

} // namespace weir::kafka
