// Interval joins whose batches are aborted after every stage has ended them, and read again.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/aborted_batches.hpp>
#include <tests/support/properties.hpp>

#include <optional>

using namespace std::chrono_literals;

namespace {

struct record {
  bool right = false;
  int time = 0;
  int key = 0;
};
using side = std::optional<int>;
using row = weir::timed<std::pair<int, std::pair<side, side>>>; // key, times of both sides
using rows = weir::stream<row>;
using batches = std::vector<weir::test::partitioned<record>>;
using pipeline = rows (*)(const weir::stream<record>&);

auto keyed(const weir::stream<record>& in, bool right) {
  return in
      .assign_timestamps(
          [](const record& r) { return weir::event_time(std::chrono::milliseconds(r.time)); },
          {.max_out_of_orderness = 3ms})
      .filter([right](const record& r) { return r.right == right; })
      .map([](const record& r) { return std::pair(r.key, r.time); });
}

constexpr auto same = [](const auto& r) {
  return std::pair(r.first, std::pair<side, side>(r.second.first, r.second.second));
};

rows inner(const weir::stream<record>& in) {
  return keyed(in, false).interval_join(keyed(in, true), -2ms, 5ms).map(same);
}
rows left(const weir::stream<record>& in) {
  return keyed(in, false).left_interval_join(keyed(in, true), -2ms, 5ms).map(same);
}
rows right(const weir::stream<record>& in) {
  return keyed(in, false).right_interval_join(keyed(in, true), -2ms, 5ms).map(same);
}
rows full(const weir::stream<record>& in) {
  return keyed(in, false).full_interval_join(keyed(in, true), -2ms, 5ms).map(same);
}
rows semi(const weir::stream<record>& in) {
  return keyed(in, false)
      .semi_interval_join(keyed(in, true), -2ms, 5ms)
      .map([](const std::pair<int, int>& r) {
        return std::pair(r.first, std::pair<side, side>(r.second, std::nullopt));
      });
}

const std::initializer_list<pipeline> every_kind = {inner, left, right, full, semi};

} // namespace

SCENARIO("an interval join that is aborted and read again gives what it gives without",
         "[operators][event_time][interval_join][abort]") {
  const auto join = GENERATE_REF(values(every_kind));
  // Matches in one batch and across batches, rows that stay alone, a late one, an empty batch.
  const batches input = {{{{false, 10, 1}, {true, 8, 1}}, {{false, 9, 2}, {true, 30, 3}}},
                         {{{true, 15, 1}, {false, 25, 3}}, {{true, 12, 7}, {false, 20, 1}}},
                         {{}, {}},
                         {{{true, 23, 1}, {false, 40, 9}}, {{false, 2, 9}, {true, 45, 9}}},
                         {{{true, 60, 8}}, {{false, 60, 9}}},
                         {{}, {}}};
  auto options = weir::test::options_for({.seed = GENERATE(1U, 7U)});
  options.block.max_records = GENERATE(1U, 100U);
  const auto expected = weir::test::rows_of<record>(options, input, join);
  REQUIRE(expected.size() == input.size());
  REQUIRE_FALSE(expected[0].empty());
  const auto aborted =
      GENERATE(values<std::set<std::size_t>>({{0, 1, 2, 3, 4, 5}, {0}, {1}, {3}, {4}, {5}}));
  CHECK(weir::test::rows_with_aborts<record>(options, input, aborted, join) == expected);
}

SCENARIO("whatever is aborted, an interval join gives the same",
         "[operators][event_time][interval_join][abort][model]") {
  const auto join = GENERATE_REF(values(every_kind));
  weir::test::holds_for(200, [&] {
    batches input(weir::test::any<std::size_t>(1, 5));
    std::set<std::size_t> aborted;
    for (std::size_t i = 0; i < input.size(); ++i) {
      if (weir::test::any(0, 2) == 1)
        aborted.insert(i);
      input[i].resize(2);
      for (auto& partition : input[i])
        for (int n = weir::test::any(0, 5); n > 0; --n)
          partition.push_back(
              {weir::test::any(0, 2) == 1, weir::test::any(0, 25), weir::test::any(0, 2)});
    }
    auto options = weir::test::options_for({.seed = weir::test::any<std::uint64_t>(0, 1'000)});
    options.block.max_records = weir::test::any<std::size_t>(1, 4);
    RC_ASSERT(weir::test::rows_with_aborts<record>(options, input, aborted, join) ==
              weir::test::rows_of<record>(options, input, join));
  });
}
