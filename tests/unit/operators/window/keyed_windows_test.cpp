// What each window by key gives, batch by batch.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using pair = std::pair<std::string, int>;
using counted = std::pair<std::string, std::int64_t>;

namespace {

const std::vector<partitioned<pair>> keyed = {{{{"a", 1}, {"a", 2}}, {{"b", 5}}},
                                              {{{"b", 1}}, {{"a", 4}, {"b", 1}}},
                                              {{}, {}},
                                              {{}, {{"c", 7}}},
                                              {{{"a", 9}}, {}}};

constexpr auto plus = std::plus<>{};
constexpr auto minus = std::minus<>{};

} // namespace

SCENARIO("reduce_by_key_and_window joins per key, and keys leave with their last batch",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto partitions = GENERATE(0U, 1U, 5U);
  const std::vector<std::vector<pair>> sums = {{{"a", 3}, {"b", 5}},
                                               {{"a", 7}, {"b", 7}},
                                               {{"a", 4}, {"b", 2}},
                                               {{"c", 7}},
                                               {{"a", 9}, {"c", 7}}};
  CHECK(rows_of<pair>(how, keyed, [&](auto in) {
          return in.reduce_by_key_and_window(plus, 2s, 1s, partitions);
        }) == sums);
  CHECK(rows_of<pair>(how, keyed, [&](auto in) {
          return in.reduce_by_key_and_window(plus, minus, 2s, 1s, partitions);
        }) == sums);
}

SCENARIO("a key of the gap between two windows is in neither", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  // Windows of one batch, every second: only batches 2 and 4 count.
  const std::vector<std::vector<pair>> sums = {{{"a", 4}, {"b", 2}}, {{"c", 7}}};
  CHECK(rows_of<pair>(how, keyed,
                      [](auto in) { return in.reduce_by_key_and_window(plus, 1s, 2s); }) == sums);
  CHECK(rows_of<pair>(how, keyed, [](auto in) {
          return in.reduce_by_key_and_window(plus, minus, 1s, 2s);
        }) == sums);
}

SCENARIO("the filter of a window leaves records out and changes no value", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<pair>(how, keyed,
                      [](auto in) {
                        return in.reduce_by_key_and_window(
                            plus, minus, 2s, 1s, 2,
                            [](const pair& one) { return one.second != 7; });
                      }) == std::vector<std::vector<pair>>{
                                {{"a", 3}, {"b", 5}}, {}, {{"a", 4}, {"b", 2}}, {}, {{"a", 9}}});
}

SCENARIO("count_by_value_and_window counts each value, and none counts 0", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::vector<partitioned<std::string>> words = {
      {{"x", "y"}, {"x"}}, {{"y"}, {}}, {{}, {}}, {{}, {}}};
  CHECK(
      rows_of<std::string>(how, words, [](auto in) { return in.count_by_value_and_window(2s); }) ==
      std::vector<std::vector<counted>>{
          {{"x", 2}, {"y", 1}}, {{"x", 2}, {"y", 2}}, {{"y", 1}}, {}});
}

SCENARIO("group_by_key_and_window gathers every value, older batches first",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  using groups = std::vector<std::pair<std::string, std::vector<int>>>;
  const std::vector<partitioned<pair>> one_side = {
      {{{"a", 1}, {"a", 2}}}, {{{"b", 3}, {"a", 4}}}, {{{"a", 5}}}};
  CHECK(rows_of<pair>(how, one_side, [](auto in) { return in.group_by_key_and_window(2s); }) ==
        std::vector<groups>{
            {{"a", {1, 2}}}, {{"a", {1, 2, 4}}, {"b", {3}}}, {{"a", {4, 5}}, {"b", {3}}}});
}
