// One librdkafka client: its log, its state of health, what it knows of topics, and an end that
// cannot hang.
#pragma once

#include <weir/connectors/kafka/internal/handles.hpp>
#include <weir/connectors/kafka/internal/membership_watch.hpp>
#include <weir/connectors/kafka/internal/properties.hpp>
#include <weir/runtime/expected.hpp>
#include <weir/runtime/log.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace weir::kafka {

using milliseconds = std::chrono::milliseconds;

/// Thread-safe; called from librdkafka's threads.
using log_hook =
    std::function<void(log_level, std::string_view component, std::string_view message)>;

/// Called first on a thread, with its name.
using thread_hook = std::function<void(std::string_view)>;

/// A topic as the brokers describe it.
struct topic_info {
  std::string name;
  std::int32_t partitions = 0;
  rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;
};

/// What librdkafka's callbacks may touch. It outlives the client when that cannot be ended in time.
class client_state {
public:
  client_state(std::string component, log_hook log, redactor redact, void* owner,
               thread_hook started = {})
      : component_(std::move(component)), log_(std::move(log)), started_(std::move(started)),
        redact_(std::move(redact)), owner_(owner) {}

  void log(log_level level, std::string_view message) const;
  void note(rd_kafka_resp_err_t code, std::string_view reason);
  /// The calling thread works for the client from now on.
  void thread_started() const;

  /// The object whose callbacks these are.
  [[nodiscard]] void* owner() const noexcept { return owner_; }
  [[nodiscard]] std::string clean(std::string_view text) const { return redact_(text); }
  [[nodiscard]] std::string last_problem() const;
  /// Set once the broker has refused the credentials or the TLS handshake has failed.
  [[nodiscard]] std::optional<error> refused() const;
  [[nodiscard]] std::uint64_t problems() const noexcept {
    return problems_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] thread_hook on_thread_start() const;

  /// How the client logs in, for what is said when it may not. Before it is made.
  void logs_in_by(std::string mechanism) { mechanism_ = std::move(mechanism); }

  /// `call` is called when a broker has answered a request for metadata: a leader has changed, a
  /// topic was not known, or it was time to ask. On threads of the client; before it is made.
  void on_metadata(std::function<void()> call) { on_metadata_ = std::move(call); }
  void heard_metadata() const;

  /// What has been heard of the group's coordinator.
  [[nodiscard]] group_traffic heard_of_group() const noexcept {
    return {answers_.load(std::memory_order_relaxed), join_waits_.load(std::memory_order_relaxed)};
  }
  void join_sent() noexcept { join_waits_.store(true, std::memory_order_relaxed); }
  void group_answered(bool to_join) noexcept;

  /// Calls that wait for brokers return soon. Any thread.
  void interrupt() noexcept { interrupted_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool interrupted() const noexcept {
    return interrupted_.load(std::memory_order_relaxed);
  }

  /// Cuts the way to the hooks: whoever owns them may go away now.
  void detach();

private:
  const std::string component_;
  mutable std::mutex mutex_;
  log_hook log_;
  thread_hook started_;
  std::function<void()> on_metadata_;
  std::atomic<bool> interrupted_{false};
  std::atomic<std::uint64_t> answers_{0};
  std::atomic<bool> join_waits_{false};
  std::string mechanism_;
  const redactor redact_;
  void* const owner_;
  std::string last_problem_;
  std::optional<error> refused_;
  std::atomic<std::uint64_t> problems_{0};
};

/// Owns an `rd_kafka_t`. Its calls may be made from several threads, as librdkafka's may.
class client {
public:
  /// @param conf callbacks of the owner are set already; log, error and opaque are set here.
  static expected<std::unique_ptr<client>> make(rd_kafka_type_t type, conf_ptr conf,
                                                std::shared_ptr<client_state> state);
  /// Ends at once, without leaving a group in order.
  ~client();
  /// The same without waiting for the end. Whoever the callbacks belong to is not called any more.
  static void abandon(std::unique_ptr<client> what);

  [[nodiscard]] rd_kafka_t* get() const noexcept { return handle_; }
  [[nodiscard]] client_state& state() const noexcept { return *state_; }
  /// "`name` is `value`", of a property of this client.
  [[nodiscard]] std::string setting(const char* name) const;
  [[nodiscard]] bool interrupted() const noexcept { return state_->interrupted(); }

  /// Asks for the named topics, or all when `names` is empty. Blocks up to `timeout`, less when the
  /// broker refuses the credentials.
  /// @returns errc::unreachable_broker or errc::authentication with what the client last met.
  expected<std::vector<topic_info>> topics(std::span<const std::string> names,
                                           milliseconds timeout) const;

  /// Serves the client's error events. Consumers only; never blocks. Messages on the main queue are
  /// errors.
  void serve() const;

private:
  client(rd_kafka_t* handle, std::shared_ptr<client_state> state)
      : handle_(handle), state_(std::move(state)) {}

  expected<std::vector<topic_info>> describe(rd_kafka_topic_t* only, bool all,
                                             milliseconds timeout) const;

  rd_kafka_t* handle_;
  std::shared_ptr<client_state> state_;
};

/// Destroys the handle, on a thread of its own so that a client which cannot end (librdkafka 2.0.2
/// knows several such cases) does not take the program with it. After `patience` the thread is left
/// to itself.
/// @returns whether it ended in time.
bool release(rd_kafka_t* handle, std::shared_ptr<client_state> state, milliseconds patience,
             thread_hook started = {});

/// The level of weir for a syslog level.
[[nodiscard]] log_level level_of(int syslog_level) noexcept;

} // namespace weir::kafka
