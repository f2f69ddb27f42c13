// For programs, not for libraries: run a context until a signal comes, and report errors.
#pragma once

#include <weir/runtime/context.hpp>

namespace weir {

/// Exit codes of weir's programs.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int failed = 1;        ///< The run failed.
inline constexpr int bad_usage = 2;     ///< Command line or configuration.
inline constexpr int check_failed = 3;  ///< What was to be shown does not hold.
inline constexpr int data_left = 4;     ///< Stopped with planned batches left.
inline constexpr int interrupted = 130; ///< A second signal ended it at once.
} // namespace exit_code

/// Prints an error on standard error. @returns the exit code that fits it: 2 for configuration and
/// graph, else 1.
int report(const error& reason);

/// Starts `ctx` and waits until the job ends by itself or SIGINT or SIGTERM comes. The first signal
/// drains within `deadline`; a second one ends the process at once with exit code 130. Installs
/// handlers for both signals.
/// @returns what was left behind, or the error that ended the job.
expected<stop_result> run_until_signal(context& ctx, duration deadline = std::chrono::seconds(30));

/// Installs the handlers without starting anything: for programs with a loop of their own.
void install_signal_handlers();

/// Whether the first signal has come. Async-signal-safe to set, cheap to ask.
[[nodiscard]] bool signal_received() noexcept;

} // namespace weir
