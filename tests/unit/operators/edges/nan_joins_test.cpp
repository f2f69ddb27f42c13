// Keys that do not equal themselves meet in joins, and get lost in none.
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace std::chrono_literals;
using weir::testing::every_mode;
using weir::testing::test_job;

namespace {

const double nan_1 = std::numeric_limits<double>::quiet_NaN();
const double nan_2 = std::copysign(std::nan("7"), -1.0); // other bits

/// Equal to nothing at all.
struct odd_one {
  int number = 0;
  friend bool operator==(const odd_one&, const odd_one&) { return false; }
};

/// How often each value is there, in order.
template <class Rows>
std::vector<int> values_of(const Rows& rows) {
  std::vector<int> all;
  for (const auto& [key, value] : rows)
    all.push_back(static_cast<int>(value));
  std::ranges::sort(all);
  return all;
}

weir::event_time at(int time) { return weir::event_time(std::chrono::milliseconds(time)); }

} // namespace

SCENARIO("NaN keys meet in joins", "[operators][nan]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto left = job.input<std::pair<double, int>>(1, "left");
  const auto right = job.input<std::pair<double, int>>(1, "right");
  const auto time = [](const std::pair<double, int>& r) { return at(r.second); };
  const auto joined = job.output(left.stream().join(right.stream()));
  const auto near = job.output(left.stream().assign_timestamps(time).full_interval_join(
      right.stream().assign_timestamps(time), 0ms, 5ms));
  const auto distinct =
      job.output(left.stream().deduplicate([](const auto& r) { return r.first; }));

  left.add({{nan_1, 1}, {nan_2, 2}});
  right.add({{nan_2, 3}});
  job.step();
  CHECK(joined.rows().size() == 2);
  CHECK(near.rows().size() == 2);
  CHECK(distinct.rows().size() == 1);

  left.add({{nan_1, 100}});
  right.add({{nan_2, 200}});
  job.step_undone();
  job.step(); // reads the same again
  CHECK(joined.rows().size() == 1);
  CHECK(near.rows().empty());
  CHECK(distinct.rows().empty());
  left.add({{1.0, 900}});
  right.add({{1.0, 900}});
  job.step();
  CHECK(near.rows().size() == 1);
  job.step();
  CHECK(near.rows().size() == 2); // those that are alone
}

SCENARIO("a key that equals nothing crashes nothing", "[operators][nan]") {
  test_job job(GENERATE(from_range(every_mode())));
  using record = std::pair<odd_one, int>;
  const auto left = job.input<record>(1, "left");
  const auto right = job.input<record>(1, "right");
  const auto time = [](const record& r) { return at(r.second); };
  const auto near =
      job.output(left.stream()
                     .assign_timestamps(time)
                     .left_interval_join(right.stream().assign_timestamps(time), 0ms, 5ms)
                     .without_time()
                     .map([](const auto& r) { return std::pair(r.first.number, r.second.first); }));
  const auto reduced =
      job.output(left.stream()
                     .reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 2s)
                     .map([](const record& r) { return std::pair(r.first.number, r.second); }));
  left.add({{{1}, 10}, {{2}, 20}, {{1}, 11}});
  right.add({{{1}, 12}});
  job.step_undone();
  job.step(); // reads the same again
  CHECK(near.rows() == std::vector{std::pair(1, 10), std::pair(1, 11)});
  CHECK(values_of(reduced.rows()) == std::vector{20, 21});
  left.add({{{3}, 100}});
  right.add({{{3}, 100}});
  job.step();
  CHECK(values_of(near.rows()) == std::vector{100});
  job.step();
  CHECK(values_of(near.rows()) == std::vector{20});
  job.step();
  CHECK(reduced.rows().empty());
}
