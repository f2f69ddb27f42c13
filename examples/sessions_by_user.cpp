// State by key: counts the clicks of each user's session, which ends when the user has been silent
// for a second.
//
//   sessions_by_user     ends by itself
#include "usage.hpp"

#include <weir/main.hpp> // report
#include <weir/weir.hpp>

#include <cstdio>
#include <optional>
#include <string>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  if (const auto end = usage(argc, argv, "sessions_by_user"))
    return *end;
  using session = std::pair<std::string, int>; // user, clicks
  using click = std::pair<std::string, std::string>;

  auto ctx = weir::context::make(
      {.name = "sessions", .batch_interval = 200ms, .rate_control = {.enabled = false}});
  if (!ctx)
    return weir::report(ctx.error());
  auto clicks = std::make_shared<weir::memory_log<click>>();
  clicks->append_all({{"ann", "/"}, {"bob", "/"}, {"ann", "/tea"}, {"ann", "/cart"}});

  const auto count = [](const std::string& user, const std::string* page,
                        weir::keyed_state<int>& clicked) -> std::optional<session> {
    if (!page) // timing out: the session is over
      return session(user, clicked.get());
    clicked.update(clicked.get_option().value_or(0) + 1);
    return std::nullopt; // nothing to say yet
  };
  int over = 0;
  weir::memory_stream(*ctx, clicks)
      .map_with_state<int>(count, {.timeout = 1s})
      .for_each_batch([&](const weir::batch_view<session>& ended) {
        ended.for_each([&](const session& one) {
          std::printf("%s left after %d clicks\n", one.first.c_str(), one.second);
          ++over;
        });
        if (over == 2)
          ctx->request_stop();
      });

  if (auto started = ctx->start(); !started)
    return weir::report(started.error());
  const auto ended = ctx->await();
  return ended ? 0 : weir::report(ended.error());
}
