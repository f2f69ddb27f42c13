// Operators on partitions: map_partitions, union_with, repartition; and who shares what.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using numbers = std::vector<int>;
using text = std::vector<std::string>;

namespace {

const std::vector<partitioned<int>> one_full_one_empty = {{{1, 2, 3}, {4, 5}}, {{}, {}}};

/// "partition:records" for every partition that a function sees.
const auto list_partition = [](const weir::partition_view<int>& partition) {
  return text{fmt::format("{}:{}", partition.id(), fmt::join(partition, ","))};
};

} // namespace

SCENARIO("map_partitions is called once per partition, empty ones included",
         "[operators][map_partitions]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) {
          return in.map_partitions(list_partition);
        }) == std::vector<text>{{"0:1,2,3", "1:4,5"}, {"0:", "1:"}});
  CHECK(
      rows_of<int>(how, {{{}, {7}, {}, {}, {8}}}, [](auto in) {
        return in.map_partitions(list_partition).map([](const std::string& s) { return s + "!"; });
      }) == std::vector<text>{{"0:!", "1:7!", "2:!", "3:!", "4:8!"}});
}

SCENARIO("map_partitions may give more records than fit the credit",
         "[operators][map_partitions]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.block.max_records = 2;
  const auto rows = rows_of<int>(options, {{{1}, {2}}}, [](auto in) {
    return in.map_partitions(
        [](const weir::partition_view<int>& one) { return numbers(1000, *one.begin()); });
  });
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].size() == 2000);
  CHECK(std::count(rows[0].begin(), rows[0].end(), 2) == 1000);
}

SCENARIO("a union has all records, this stream's partitions first", "[operators][union_with]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const auto build = [](auto in) {
    return in.filter([](int n) { return n % 2 == 1; }).union_with(in.map([](int n) {
      return n * 10;
    }));
  };
  CHECK(rows_of<int>(how, one_full_one_empty, build) ==
        std::vector<numbers>{{1, 3, 5, 10, 20, 30, 40, 50}, {}});
  CHECK(rows_of<int>(how, one_full_one_empty,
                     [&](auto in) { return build(in).map_partitions(list_partition); }) ==
        std::vector<text>{{"0:1,3", "1:5", "2:10,20,30", "3:40,50"}, {"0:", "1:", "2:", "3:"}});
}

SCENARIO("a stream can be united with itself", "[operators][union_with]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) { return in.union_with(in); }) ==
        std::vector<numbers>{{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}, {}});
}

SCENARIO("repartition gives the same records in exactly so many partitions",
         "[operators][repartition]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const auto rows =
      rows_of<int>(how, one_full_one_empty, [](auto in) { return in.repartition(3); });
  CHECK(rows == std::vector<numbers>{{1, 2, 3, 4, 5}, {}});
  const auto sizes = rows_of<int>(how, {{{1, 2, 3, 4, 5, 6}, {}}, {{}, {}}}, [](auto in) {
    return in.repartition(3).map_partitions(
        [](const weir::partition_view<int>& one) { return numbers{static_cast<int>(one.size())}; });
  });
  CHECK(sizes == std::vector<numbers>{{2, 2, 2}, {0, 0, 0}});
}

SCENARIO("a stream may be consumed at several depths and united again", "[operators][share]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const auto rows = rows_of<int>(how, one_full_one_empty, [](auto in) {
    const auto even = in.filter([](int n) { return n % 2 == 0; }).share();
    const auto deep = even.repartition(2).map([](int n) { return -n; });
    return even.union_with(deep).union_with(in);
  });
  CHECK(rows == std::vector<numbers>{{-4, -2, 1, 2, 2, 3, 4, 4, 5}, {}});
}

SCENARIO("order is kept within a partition through steps and unions", "[operators][order]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  auto options = weir::test::options_for(how);
  options.block.max_records = 3;
  numbers up(100);
  for (int i = 0; i < 100; ++i)
    up[static_cast<std::size_t>(i)] = i;
  const auto in_order = rows_of<int>(options, {{up, up}}, [](auto in) {
    return in.union_with(in.map([](int n) { return n; }))
        .map_partitions([](const weir::partition_view<int>& one) {
          return numbers{std::is_sorted(one.begin(), one.end()) ? static_cast<int>(one.size())
                                                                : -1};
        });
  });
  CHECK(in_order == std::vector<numbers>{{100, 100, 100, 100}});
}
