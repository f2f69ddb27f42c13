// Page views that arrive out of order, counted per page in windows of ten seconds of their own
// time.
//
//   event_time_windows        ends by itself
#include "usage.hpp"

#include <weir/main.hpp> // report
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace {

struct view {
  std::chrono::sys_seconds at;
  std::string page;
};

} // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "event_time_windows"))
    return *end;
  auto ctx = weir::context::make(
      {.name = "event_time", .batch_interval = 100ms, .trigger = weir::trigger::available_now});
  if (!ctx)
    return weir::report(ctx.error());

  const std::chrono::sys_seconds noon(1'767'268'800s);
  auto views = std::make_shared<weir::memory_log<view>>();
  views->append_all({{noon + 1s, "/news"},
                     {noon + 12s, "/news"},
                     {noon + 9s, "/shop"}, // three seconds behind
                     {noon + 8s, "/news"},
                     {noon + 15s, "/shop"},
                     {noon + 24s, "/news"}});

  // A window is final once a view from four seconds past its end has been seen.
  weir::memory_stream(*ctx, views)
      .assign_timestamps([](const view& v) { return v.at; }, {.max_out_of_orderness = 4s})
      .map([](const view& v) { return std::pair(v.page, v.at); })
      .tumbling(10s)
      .count_by_key()
      .sorted()
      .for_each_batch([noon](const auto& batch) {
        batch.for_each([noon](const weir::windowed<std::string, std::int64_t>& result) {
          const auto start = std::chrono::floor<std::chrono::seconds>(result.window.start - noon);
          std::printf("from 12:00:%02d %s %d\n", static_cast<int>(start.count()),
                      result.key.c_str(), static_cast<int>(result.value));
        });
      });

  if (auto started = ctx->start(); !started)
    return weir::report(started.error());
  if (auto ended = ctx->await(); !ended)
    return weir::report(ended.error());
  std::printf("the window from 12:00:20 is still open\n");
  return 0;
}
