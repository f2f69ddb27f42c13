// Two sources in one job: each batch has a part of both, cut at the same moment.
//
//   two_sources     ends by itself
#include "usage.hpp"

#include <weir/main.hpp> // report
#include <weir/weir.hpp>

#include <cstdio>
#include <functional>
#include <string>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "two_sources"))
    return *end;
  auto ctx = weir::context::make(
      {.name = "two_sources", .batch_interval = 100ms, .trigger = weir::trigger::available_now});
  if (!ctx)
    return weir::report(ctx.error());

  auto web = std::make_shared<weir::memory_log<std::string>>();
  auto phone = std::make_shared<weir::memory_log<std::string>>();
  web->append_all({"tea", "coffee", "tea"});
  phone->append_all({"coffee", "tea"});

  const auto one = [](const std::string& item) { return std::pair{item, 1}; };
  weir::memory_stream(*ctx, web, "web")
      .union_with(weir::memory_stream(*ctx, phone, "phone"))
      .map(one)
      .reduce_by_key(std::plus<>{}, 1)
      .for_each_batch([](const weir::batch_view<std::pair<std::string, int>>& batch) {
        for (const auto& part : batch.sources())
          std::printf("%s: %lld orders\n", part.name.c_str(), static_cast<long long>(part.count()));
        batch.for_each(
            [](const auto& sold) { std::printf("%s %d\n", sold.first.c_str(), sold.second); });
      });

  if (auto started = ctx->start(); !started)
    return weir::report(started.error());
  const auto ended = ctx->await();
  return ended ? 0 : weir::report(ended.error());
}
