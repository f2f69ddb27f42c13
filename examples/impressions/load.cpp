#include "load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace impressions {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto pause = 5ms; ///< Between two looks at the clock and at the acknowledgements.
constexpr int offers = 100;

} // namespace

load_generator::load_generator(weir::kafka::producer_options to, std::int32_t partitions,
                               std::vector<phase> phases)
    : producer_(std::move(to)), partitions_(partitions), phases_(std::move(phases)) {}

weir::expected<void> load_generator::start(std::function<void(const phase&)> began) {
  weir::replica_context env; // a producer of its own, outside of any job
  env.wake = [] {};          // it looks again after a pause
  env.log = [](weir::log_level, std::string_view) {};
  if (auto open = producer_.open(env); !open)
    return open;
  thread_ = std::jthread([this, began = std::move(began)](const std::stop_token& stopped) {
    acknowledged_ = run(stopped, began);
    finished_.store(true, std::memory_order_release);
  });
  return {};
}

weir::expected<std::int64_t> load_generator::run(const std::stop_token& stopped,
                                                 const std::function<void(const phase&)>& began) {
  for (const auto& one : phases_) {
    if (stopped.stop_requested())
      break;
    if (one.records == 0)
      continue;
    if (began)
      began(one);
    if (auto sent = run(one, stopped); !sent)
      return std::move(sent).error();
  }
  for (const auto patience = clock::now() + 30s;;) {
    auto acknowledged = producer_.flush();
    if (!acknowledged)
      return std::move(acknowledged).error();
    if (*acknowledged == weir::progress::done)
      return sent();
    if (clock::now() > patience)
      return weir::error{weir::errc::timed_out,
                         "the brokers did not acknowledge all records within 30 s"};
    std::this_thread::sleep_for(pause);
  }
}

weir::expected<void> load_generator::run(const phase& now, const std::stop_token& stopped) {
  const auto began = clock::now();
  for (std::int64_t sent = 0; !stopped.stop_requested();) {
    const auto passed = clock::now() - began;
    const auto due = passed >= now.length
                         ? now.records
                         : static_cast<std::int64_t>(static_cast<double>(now.records) *
                                                     (passed / (now.length * 1.0)));
    while (sent < due && !stopped.stop_requested()) {
      const auto one = send_one();
      if (!one)
        return one.error();
      if (*one == weir::progress::blocked) // the client's queue is full
        break;
      ++sent;
    }
    if (const auto served = producer_.flush();
        !served) // takes acknowledgements; does not wait for them
      return served.error();
    if (sent == now.records && clock::now() - began >= now.length)
      break;
    std::this_thread::sleep_for(pause);
  }
  return {};
}

weir::expected<weir::progress> load_generator::send_one() {
  // Some offers are seen far more often than others.
  const auto offer = std::min(random_() % offers, random_() % offers);
  std::array<char, 32> text{};
  const auto end =
      fmt::format_to_n(text.begin(), text.size(), "{},{}", offer, random_() % 1'000'000).out;
  const auto number = sent_.load(std::memory_order_relaxed);
  auto sent = producer_.send({.value = std::string_view(text.begin(), end),
                              .partition = static_cast<std::int32_t>(number % partitions_)});
  if (sent && *sent == weir::progress::done)
    sent_.store(number + 1, std::memory_order_relaxed);
  return sent;
}

} // namespace impressions
