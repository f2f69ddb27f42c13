// A receiver of one's own: it opens a device, hands over what it reads, and is started again when
// the device fails.
//
//   push_receiver     ends by itself
#include "usage.hpp"

#include <weir/connectors/push/receiver.hpp>
#include <weir/main.hpp> // report
#include <weir/weir.hpp>

#include <atomic>
#include <cstdio>
#include <memory>

namespace {

struct reading {
  int number = 0;
  double celsius = 0;
};

/// Stands for anything that gives values one by one and may fail: here after 600 of 1000.
class device {
public:
  explicit device(int from) : next_(from), fails_at_(from < 600 ? 600 : -1) {}
  bool read(reading& into) {
    if (next_ == fails_at_)
      return false;
    into = {.number = next_, .celsius = 20.0 + next_ % 10};
    ++next_;
    return true;
  }

private:
  int next_;
  int fails_at_;
};

std::atomic<int> opened = 0;

class thermometer final : public weir::push_receiver<reading> {
public:
  weir::expected<void> on_start(weir::receiver_handle<reading> to) override {
    ++opened;
    // A thread of weir's, which ends when the receiver is stopped: `store` then refuses.
    to.run([this, to](const std::stop_token&) mutable {
      device source(next_);
      reading one;
      while (next_ < 1000) {
        if (!source.read(one))
          return to.restart(weir::error(weir::errc::io, "the device does not answer"));
        if (!to.store(one)) // waits for room and for the rate limit
          return;
        next_ = one.number + 1;
      }
      to.stop("the device has no more readings");
    });
    return {};
  }

private:
  int next_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "push_receiver"))
    return *end;
  auto ctx = weir::context::make({.name = "thermometer",
                                  .batch_interval = 100ms,
                                  .rate_control = {.first_batch_rate = 10'000}});
  if (!ctx)
    return weir::report(ctx.error());
  std::atomic<int> count = 0;
  weir::receiver_stream<reading>(
      *ctx, [](std::uint32_t) { return std::make_unique<thermometer>(); },
      {.push = {.name = "thermometer", .block_interval = 20ms}, .restarts = {.delay = 50ms}})
      .for_each_batch([&](const weir::batch_view<reading>& batch) {
        batch.for_each([&](const reading&) { ++count; });
      });
  if (auto started = ctx->start(); !started)
    return weir::report(started.error());
  const auto ended = ctx->await(); // all receivers have stopped and all they stored is processed
  std::printf("%d readings, the device was opened %d times\n", count.load(), opened.load());
  return ended ? 0 : weir::report(ended.error());
}
