// Whole batches and keys: count, reduce, and everything by key.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using std::int64_t;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;

namespace {

using pair = std::pair<std::string, int>;
const std::vector<partitioned<int>> one_full_one_empty = {{{1, 2, 3}, {4, 5}}, {{}, {}}};
const std::vector<partitioned<pair>> keyed = {
    {{{"a", 1}, {"b", 2}, {"a", 3}}, {{"b", 4}, {"c", 5}}}, {{}, {}}};

} // namespace

SCENARIO("count gives one number per batch, 0 for an empty one", "[operators][count]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) { return in.count(); }) ==
        std::vector<std::vector<int64_t>>{{5}, {0}});
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) {
          return in.filter([](int n) { return n > 3; }).count();
        }) == std::vector<std::vector<int64_t>>{{2}, {0}});
}

SCENARIO("reduce joins all records of a batch, and gives nothing for an empty one",
         "[operators][reduce]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) { return in.reduce(std::plus<>{}); }) ==
        std::vector<std::vector<int>>{{15}, {}});
  CHECK(rows_of<int>(how, {{{}, {7}}}, [](auto in) { return in.reduce(std::plus<>{}); }) ==
        std::vector<std::vector<int>>{{7}});
}

SCENARIO("count_by_value counts each distinct record", "[operators][count_by_value]") {
  const auto how = GENERATE(from_range(every_mode()));
  using counts = std::vector<std::pair<std::string, int64_t>>;
  CHECK(rows_of<std::string>(how, {{{"a", "b", "a"}, {"b", "c"}}, {{}, {}}}, [](auto in) {
          return in.count_by_value();
        }) == std::vector<counts>{{{"a", 2}, {"b", 2}, {"c", 1}}, {}});
}

SCENARIO("reduce_by_key joins the values of each key", "[operators][reduce_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::uint32_t partitions = GENERATE(0U, 1U, 5U);
  CHECK(rows_of<pair>(how, keyed, [&](auto in) {
          return in.reduce_by_key(std::plus<>{}, partitions);
        }) == std::vector<std::vector<pair>>{{{"a", 4}, {"b", 6}, {"c", 5}}, {}});
}

SCENARIO("combine_by_key makes, feeds and joins accumulators", "[operators][combine_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  using average = std::pair<int, int>; // sum, number
  const auto rows = rows_of<pair>(how, keyed, [](auto in) {
    return in
        .combine_by_key([](int v) { return average(v, 1); },
                        [](average a, int v) { return average(a.first + v, a.second + 1); },
                        [](average a, const average& b) {
                          return average(a.first + b.first, a.second + b.second);
                        })
        .map_values([](const average& a) { return a.first / a.second; });
  });
  CHECK(rows == std::vector<std::vector<pair>>{{{"a", 2}, {"b", 3}, {"c", 5}}, {}});
}

SCENARIO("group_by_key gathers every value of a key", "[operators][group_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  using groups = std::vector<std::pair<std::string, std::vector<int>>>;
  const auto rows = rows_of<pair>(how, keyed, [](auto in) {
    return in.group_by_key().map_values(
        [](std::vector<int> values) { return weir::test::sorted(std::move(values)); });
  });
  CHECK(rows == std::vector<groups>{{{"a", {1, 3}}, {"b", {2, 4}}, {"c", {5}}}, {}});
}

SCENARIO("the values of a key keep the order of their source partition",
         "[operators][group_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.block.max_records = 4;
  std::vector<pair> up;
  for (int i = 0; i < 200; ++i)
    up.emplace_back(i % 2 == 0 ? "even" : "odd", i);
  const auto rows = rows_of<pair>(options, {{up, {}}}, [](auto in) {
    return in.group_by_key().map_values(
        [](const std::vector<int>& v) { return std::is_sorted(v.begin(), v.end()); });
  });
  CHECK(rows ==
        std::vector<std::vector<std::pair<std::string, bool>>>{{{"even", true}, {"odd", true}}});
}

SCENARIO("keyed results of one batch do not reach into the next", "[operators][reduce_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::vector<partitioned<pair>> input = {
      {{{"a", 1}}, {}}, {{}, {{"a", 2}}}, {{}, {}}, {{{"b", 3}}, {}}};
  CHECK(rows_of<pair>(how, input, [](auto in) { return in.reduce_by_key(std::plus<>{}); }) ==
        std::vector<std::vector<pair>>{{{"a", 1}}, {{"a", 2}}, {}, {{"b", 3}}});
  CHECK(rows_of<pair>(how, input, [](auto in) { return in.group_by_key().count(); }) ==
        std::vector<std::vector<int64_t>>{{1}, {1}, {0}, {1}});
}

SCENARIO("a result with more keys than credit passes in pieces", "[operators][reduce_by_key]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.block.max_records = 1;
  std::vector<std::pair<int, int>> many;
  for (int i = 0; i < 2000; ++i)
    many.emplace_back(i % 500, 1);
  const auto rows = rows_of<std::pair<int, int>>(
      options, {{many, many}}, [](auto in) { return in.reduce_by_key(std::plus<>{}); });
  REQUIRE(rows[0].size() == 500);
  CHECK(
      std::all_of(rows[0].begin(), rows[0].end(), [](const auto& row) { return row.second == 8; }));
}

SCENARIO("combining beyond its share of memory stays exact", "[operators][reduce_by_key]") {
  // 30,000 keys in each partition: either table before the shuffle outgrows its 734 KB, those
  // behind it do not.
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.memory_budget = 8 << 20;
  std::vector<std::pair<int64_t, int>> many;
  for (int64_t i = 0; i < 60'000; ++i)
    many.emplace_back(i % 30'000, 1);
  const auto rows = rows_of<std::pair<int64_t, int>>(
      options, {{many, many}, {many, {}}}, [](auto in) { return in.reduce_by_key(std::plus<>{}); });
  REQUIRE(rows[0].size() == 30'000);
  CHECK(
      std::all_of(rows[0].begin(), rows[0].end(), [](const auto& row) { return row.second == 4; }));
  CHECK(
      std::all_of(rows[1].begin(), rows[1].end(), [](const auto& row) { return row.second == 2; }));
}
