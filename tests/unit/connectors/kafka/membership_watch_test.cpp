#include <weir/connectors/kafka/internal/membership_watch.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using weir::kafka::membership_watch;

TEST_CASE("a member without coordinator or partitions for longer than its session is stalled",
          "[connectors][kafka][group]") {
  const weir::steady_time start{1h};
  membership_watch watch(10s, 60s);
  watch.begin(start, {});
  CHECK_FALSE(watch.stalled(start + 10s, false, {}));
  CHECK(watch.stalled(start + 10'001ms, false, {}));
  CHECK_FALSE(watch.stalled(start + 1h, true, {})); // the session itself ends what is assigned
  CHECK_FALSE(watch.stalled(start + 1h, false, {.answers = 1}));
  CHECK_FALSE(watch.stalled(start + 1h + 10s, false, {.answers = 1}));
  CHECK(watch.stalled(start + 1h + 11s, false, {.answers = 1}));
  // The coordinator may wait for other members.
  CHECK_FALSE(watch.stalled(start + 1h + 70s, false, {.answers = 1, .join_waits = true}));
  CHECK(watch.stalled(start + 1h + 71s, false, {.answers = 1, .join_waits = true}));
  watch.begin(start + 2h, {.answers = 1});
  CHECK_FALSE(watch.stalled(start + 2h + 10s, false, {.answers = 1}));
}

TEST_CASE("a watch that was not begun begins when it is first asked",
          "[connectors][kafka][group]") {
  const weir::steady_time start{1h};
  membership_watch watch(10s, 60s);
  CHECK_FALSE(watch.stalled(start, false, {}));
  CHECK(watch.stalled(start + 11s, false, {}));
}
