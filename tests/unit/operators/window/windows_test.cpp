// What each window gives, batch by batch: small numbers that can be checked by hand. By key:
// keyed_windows_test.cpp.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using numbers = std::vector<std::vector<int>>;
using counts = std::vector<std::vector<std::int64_t>>;

namespace {

/// Batch b has b in one partition and 10 b in the other; the third is empty.
const std::vector<partitioned<int>> five = {
    {{1}, {10}}, {{2}, {20}}, {{}, {}}, {{4}, {40}}, {{5}, {50}}};

constexpr auto plus = std::plus<>{};
constexpr auto minus = std::minus<>{};

} // namespace

SCENARIO("a window gives the records of its batches, and begins short", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, five, [](auto in) { return in.window(2s); }) ==
        numbers{{1, 10}, {1, 2, 10, 20}, {2, 20}, {4, 40}, {4, 5, 40, 50}});
  CHECK(rows_of<int>(how, five, [](auto in) {
          return in.map([](int n) { return n; }).window(1s);
        }) == numbers{{1, 10}, {2, 20}, {}, {4, 40}, {5, 50}});
}

SCENARIO("a window that slides by more than a batch gives no batch in between",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, five, [](auto in) { return in.window(2s, 2s); }) ==
        numbers{{1, 2, 10, 20}, {4, 40}});
  CHECK(rows_of<int>(how, five, [](auto in) { return in.window(3s, 2s); }) ==
        numbers{{1, 2, 10, 20}, {2, 4, 20, 40}});
  THEN("what is in the gap of a slide beyond the length is in no window") {
    CHECK(rows_of<int>(how, five, [](auto in) { return in.window(1s, 2s); }) ==
          numbers{{2, 20}, {4, 40}});
  }
  THEN("operators behind it have no batch in between either") {
    CHECK(rows_of<int>(how, five, [](auto in) { return in.window(2s, 2s).count(); }) ==
          counts{{4}, {2}});
    CHECK(rows_of<int>(how, five, [](auto in) { return in.window(2s, 2s).repartition(3); }) ==
          numbers{{1, 2, 10, 20}, {4, 40}});
  }
}

SCENARIO("records of a window keep their partition and their order in it", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  using rows = std::vector<std::vector<std::pair<std::uint32_t, std::vector<int>>>>;
  CHECK(rows_of<int>(how, five, [](auto in) {
          return in.window(2s, 2s).map_partitions([](const weir::partition_view<int>& all) {
            return std::vector{std::pair(all.id().value, std::vector<int>(all.begin(), all.end()))};
          });
        }) == rows{{{0, {1, 2}}, {1, {10, 20}}}, {{0, {4}}, {1, {40}}}});
}

SCENARIO("views in a window still point at their bytes", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  using texts = std::vector<std::vector<std::string>>;
  const std::vector<partitioned<std::string>> lines = {{{"one two"}}, {{"three"}}, {{"four five"}}};
  CHECK(rows_of<std::string>(how, lines, [](auto in) {
          return in.flat_map([](const std::string& line) { return weir::split_words(line); })
              .window(2s);
        }) == texts{{"one", "two"}, {"one", "three", "two"}, {"five", "four", "three"}});
}

SCENARIO("count_by_window counts, and an empty window counts 0", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, five, [](auto in) { return in.count_by_window(2s); }) ==
        counts{{2}, {4}, {2}, {2}, {4}});
  CHECK(rows_of<int>(how, five, [](auto in) { return in.count_by_window(2s, 2s); }) ==
        counts{{4}, {2}});
  const std::vector<partitioned<int>> late = {{{}, {}}, {{}, {}}, {{3}, {}}, {{}, {}}, {{}, {}}};
  CHECK(rows_of<int>(how, late, [](auto in) { return in.count_by_window(2s); }) ==
        counts{{0}, {0}, {1}, {1}, {0}});
}

SCENARIO("reduce_by_window joins what there is, with and without an inverse",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  const numbers sums = {{11}, {33}, {22}, {44}, {99}};
  CHECK(rows_of<int>(how, five, [](auto in) { return in.reduce_by_window(plus, 2s); }) == sums);
  CHECK(rows_of<int>(how, five, [](auto in) { return in.reduce_by_window(plus, minus, 2s); }) ==
        sums);
  THEN("an empty window gives nothing") {
    const std::vector<partitioned<int>> sparse = {
        {{}, {}}, {{1}, {}}, {{}, {}}, {{}, {}}, {{}, {5}}};
    const numbers few = {{}, {1}, {1}, {}, {5}};
    CHECK(rows_of<int>(how, sparse, [](auto in) { return in.reduce_by_window(plus, 2s); }) == few);
    CHECK(rows_of<int>(how, sparse, [](auto in) { return in.reduce_by_window(plus, minus, 2s); }) ==
          few);
  }
  THEN("a maximum needs no inverse") {
    const auto most = [](int a, int b) { return std::max(a, b); };
    CHECK(rows_of<int>(how, five, [&](auto in) { return in.reduce_by_window(most, 3s, 2s); }) ==
          numbers{{20}, {40}});
  }
}

SCENARIO("a window of windows skips the batches that its input does not give",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  // Every second batch, over the last two of those: batches 1 to 2, then 1 to 4.
  CHECK(rows_of<int>(how, five, [](auto in) { return in.window(2s, 2s).count_by_window(4s); }) ==
        counts{{4}, {6}});
  CHECK(rows_of<int>(how, five, [](auto in) {
          return in.reduce_by_window(plus, minus, 2s, 2s).reduce_by_window(plus, minus, 4s, 4s);
        }) == numbers{{77}});
}

SCENARIO("a window may hold more than one batch may send at once", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.block.max_records = 3;
  std::vector<int> many;
  for (int i = 0; i < 500; ++i)
    many.push_back(i);
  const std::vector<partitioned<int>> batches(3, {many, many});
  const auto rows = rows_of<int>(options, batches, [](auto in) { return in.window(2s); });
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].size() == 1000);
  CHECK(rows[2].size() == 2000);
  const auto by_key =
      rows_of<int>(options, batches, [](auto in) { return in.count_by_value_and_window(2s); });
  REQUIRE(by_key[2].size() == 500);
  CHECK(std::all_of(by_key[2].begin(), by_key[2].end(),
                    [](const auto& row) { return row.second == 4; }));
}
