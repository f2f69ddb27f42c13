// Keys that do not equal themselves: all NaNs are one key, and no key gets lost.
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

using namespace std::chrono_literals;
using weir::testing::every_mode;
using weir::testing::test_job;

namespace {

const double nan_1 = std::numeric_limits<double>::quiet_NaN();
const double nan_2 = std::copysign(std::nan("7"), -1.0); // other bits

/// An aggregate whose equality is that of its parts.
struct point {
  double x = 0;
  int y = 0;
  friend bool operator==(const point&, const point&) = default;
};

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

} // namespace

SCENARIO("keys that hold a NaN hash alike and are the same key", "[operators][nan]") {
  const auto same = []<class Key>(const Key& a, const Key& b) {
    return weir::key_hash<Key>{}(a) == weir::key_hash<Key>{}(b) && weir::same_key(a, b);
  };
  CHECK(same(nan_1, nan_2));
  CHECK(same(std::nanf(""), -std::nanf("3")));
  CHECK(same(std::pair(nan_1, 1), std::pair(nan_2, 1)));
  CHECK(same(std::optional(nan_1), std::optional(nan_2)));
  CHECK(same(std::tuple(std::string("a"), nan_1), std::tuple(std::string("a"), nan_2)));
  CHECK(same(point{nan_1, 1}, point{nan_2, 1}));
  CHECK(same(odd_one{1}, odd_one{1}));
  CHECK(weir::encoded(nan_1) == weir::encoded(nan_2));

  CHECK_FALSE(weir::same_key(nan_1, 0.0));
  CHECK_FALSE(weir::same_key(0.0, nan_1));
  CHECK_FALSE(weir::same_key(std::pair(nan_1, 1), std::pair(nan_1, 2)));
  CHECK_FALSE(weir::same_key(point{nan_1, 1}, point{nan_2, 2}));
  CHECK_FALSE(weir::same_key(odd_one{1}, odd_one{2}));
  CHECK(weir::same_key(std::string("a"), std::string_view("a")));
}

SCENARIO("a NaN key is combined, leaves windows and is evicted as any other", "[operators][nan]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<std::pair<double, int>>();
  const auto reduced = job.output(in.stream().reduce_by_key(std::plus<>{}));
  const auto windowed =
      job.output(in.stream().reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 3s));
  const auto counted = job.output(
      in.stream().map([](const auto& r) { return r.first; }).count_by_value_and_window(3s));
  const auto state = job.output(in.stream().update_state_by_key<int>(
      [](std::span<const int> values, std::optional<int> before) -> std::optional<int> {
        return std::accumulate(values.begin(), values.end(), before.value_or(0));
      }));
  const auto grouped = job.output(in.stream().group_by_key());

  in.add({{nan_1, 1}, {nan_2, 2}, {0.0, 4}, {-0.0, 8}});
  job.step();
  CHECK(values_of(reduced.rows()) == std::vector{3, 12});
  CHECK(values_of(windowed.rows()) == std::vector{3, 12});
  CHECK(values_of(counted.rows()) == std::vector{2, 2});
  CHECK(values_of(state.rows()) == std::vector{3, 12});
  CHECK(grouped.rows().size() == 2);

  in.add({{nan_2, 16}});
  job.step_undone();
  job.step(); // reads the same again
  CHECK(values_of(windowed.rows()) == std::vector{12, 19});
  CHECK(values_of(state.rows()) == std::vector{12, 19});

  job.step();
  CHECK(values_of(windowed.rows()) == std::vector{16});
  CHECK(values_of(counted.rows()) == std::vector{1});
  job.step();
  job.step();
  CHECK(windowed.rows().empty());
  CHECK(counted.rows().empty());
  CHECK(values_of(state.rows()) == std::vector{12, 19});
}

SCENARIO("state of a NaN key is forgotten when there are too many keys", "[operators][nan]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<std::pair<double, int>>();
  const auto sums = job.output(in.stream().map_with_state<int>(
      [](double, const int* value, weir::keyed_state<int>& state) {
        const int sum = (state.exists() ? state.get() : 0) + *value;
        state.update(sum);
        return sum;
      },
      {.max_keys = 1, .partitions = 1}));
  for (const auto& [key, sum] :
       {std::pair{nan_1, 1}, {nan_2, 2}, {1.0, 1}, {nan_1, 1}, {nan_1, 2}, {2.0, 1}, {2.0, 2}}) {
    in.add({{key, 1}});
    job.step();
    CHECK(sums.rows() == std::vector{sum});
  }
}
