#include <weir/runtime/main.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>

#include <unistd.h>

namespace weir {
namespace {

std::atomic<int> signals{0};
static_assert(std::atomic<int>::is_always_lock_free,
              "a signal handler may only touch lock-free atomics");

extern "C" void weir_count_signal(int) {
  if (signals.fetch_add(1, std::memory_order_relaxed) > 0)
    ::_exit(exit_code::interrupted);
}

} // namespace

int report(const error& reason) {
  std::fprintf(stderr, "%s\n", reason.to_string().c_str());
  switch (reason.code()) {
  case errc::invalid_config:
  case errc::invalid_graph:
  case errc::out_of_budget:
    return exit_code::bad_usage;
  default:
    return exit_code::failed;
  }
}

void install_signal_handlers() {
  signals = 0;
  struct sigaction action{};
  action.sa_handler = weir_count_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool signal_received() noexcept { return signals.load(std::memory_order_relaxed) > 0; }

expected<stop_result> run_until_signal(context& ctx, duration deadline) {
  install_signal_handlers();
  if (auto started = ctx.start(); !started)
    return std::move(started).error();
  while (!signal_received()) {
    const auto ended = ctx.await_for(std::chrono::milliseconds(100));
    if (!ended)
      return ended.error();
    if (*ended)
      return stop_result{};
  }
  return ctx.stop(deadline, stop_mode::drain);
}

} // namespace weir
