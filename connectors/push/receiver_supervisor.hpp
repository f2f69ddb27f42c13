// Starts, stops and starts again one receiver of the user's. Next: receiver.hpp.
#pragma once

#include <weir/connectors/push/options.hpp>
#include <weir/runtime/source.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace weir {

/// Where a receiver is in its life.
enum class receiver_state {
  initialized, ///< Its job has not started it yet.
  started,     ///< `on_start` has succeeded.
  restarting,  ///< It failed, or asked for it, and waits for its next start.
  stopped,     ///< For good.
};

[[nodiscard]] std::string_view to_string(receiver_state state) noexcept;

namespace detail {

class back_off;

/// Runs `on_start` and `on_stop` of one receiver on a thread of their own, named
/// "<job>.recv<index>". Requests may come from any thread, at any time, also after the end.
class receiver_supervisor {
public:
  struct actions {
    std::function<expected<void>()> start; ///< May throw, like `stop`.
    std::function<void()> stop;
    std::function<void()> ended; ///< The receiver has stopped for good, by its own wish.
  };

  receiver_supervisor(std::uint32_t index, restart_options restarts);
  ~receiver_supervisor();

  /// Starts the thread. Control thread.
  void begin(const source_setup& setup, actions of);

  /// Stops the receiver and waits for its threads. Nothing is called afterwards. Control thread.
  void end();

  void restart(error reason, std::optional<duration> delay);
  void report(error reason);
  /// `call`, whose exceptions are reported `to` a supervisor instead of leaving it; null stays
  /// null.
  static std::function<void()> reporting(std::shared_ptr<receiver_supervisor> to,
                                         std::function<void()> call);
  void stop(std::string reason);

  /// Runs `work` on a thread of weir's until the receiver stops; then it is asked to end and waited
  /// for. What it throws restarts the receiver. Ignored when the receiver is stopping.
  void run(std::function<void(std::stop_token)> work);

  [[nodiscard]] receiver_state state() const;

  /// The errors since the last call, the latest few if there were many.
  [[nodiscard]] std::vector<error> take_errors();

private:
  struct wish {
    bool for_good = false;
    std::optional<duration> delay;
  };

  void supervise();
  void start_receiver();
  void stop_receiver();
  void note(log_level level, error what);

  const std::uint32_t index_;
  const restart_options restarts_;
  actions actions_;
  weir::clock* time_ = nullptr;
  std::unique_ptr<back_off> delays_;
  steady_time started_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  source_host* host_ = nullptr; ///< Null when the job is not, or no longer, there.
  receiver_state state_ = receiver_state::initialized;
  bool accepts_threads_ = false;
  bool ending_ = false;
  std::optional<wish> wish_;
  std::vector<error> errors_;
  std::vector<std::jthread> working_;
  std::thread thread_;
};

} // namespace detail
} // namespace weir
