// Two streams by key: cogroup and the joins.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/join_jobs.hpp>

using namespace std::chrono_literals;
using std::optional;
using std::string;
using weir::errc;
using weir::test::every_mode;
using weir::test::joined_rows;
using weir::test::partitioned;
using weir::test::two_inputs;

namespace {

using stock = std::pair<string, int>;
using price = std::pair<string, string>;
template <class L, class R>
using row = std::pair<string, std::pair<L, R>>;

/// Two batches in two partitions: one where keys meet, one where the right side is empty.
const std::vector<two_inputs<stock, price>> batches = {
    {.left = {{{"tea", 1}, {"milk", 2}}, {{"tea", 3}}},
     .right = {{{"tea", "dear"}}, {{"salt", "cheap"}, {"tea", "green"}}}},
    {.left = {{{"milk", 4}}, {}}, .right = {{}, {}}}};

} // namespace

SCENARIO("cogroup gathers what either side has of a key", "[operators][join]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::uint32_t partitions = GENERATE(0U, 1U, 5U);
  using out = row<std::vector<int>, std::vector<string>>;
  const auto rows = joined_rows(how, batches, [&](auto left, auto right) {
    return left.cogroup(right, partitions)
        .map_values([](std::pair<std::vector<int>, std::vector<string>> both) {
          return std::pair(weir::test::sorted(both.first), weir::test::sorted(both.second));
        });
  });
  CHECK(rows ==
        std::vector<std::vector<out>>{
            {{"milk", {{2}, {}}}, {"salt", {{}, {"cheap"}}}, {"tea", {{1, 3}, {"dear", "green"}}}},
            {{"milk", {{4}, {}}}}});
}

SCENARIO("join gives each pair of values of a key in the same batch", "[operators][join]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(joined_rows(how, batches, [](auto left, auto right) { return left.join(right); }) ==
        std::vector<std::vector<row<int, string>>>{{{"tea", {1, "dear"}},
                                                    {"tea", {1, "green"}},
                                                    {"tea", {3, "dear"}},
                                                    {"tea", {3, "green"}}},
                                                   {}});
}

SCENARIO("an outer join keeps the values whose key the other side lacks", "[operators][join]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(joined_rows(how, batches,
                    [](auto left, auto right) { return left.left_outer_join(right); }) ==
        std::vector<std::vector<row<int, optional<string>>>>{{{"milk", {2, std::nullopt}},
                                                              {"tea", {1, "dear"}},
                                                              {"tea", {1, "green"}},
                                                              {"tea", {3, "dear"}},
                                                              {"tea", {3, "green"}}},
                                                             {{"milk", {4, std::nullopt}}}});
  CHECK(joined_rows(how, batches,
                    [](auto left, auto right) { return left.right_outer_join(right); }) ==
        std::vector<std::vector<row<optional<int>, string>>>{{{"salt", {std::nullopt, "cheap"}},
                                                              {"tea", {1, "dear"}},
                                                              {"tea", {1, "green"}},
                                                              {"tea", {3, "dear"}},
                                                              {"tea", {3, "green"}}},
                                                             {}});
  CHECK(joined_rows(how, batches,
                    [](auto left, auto right) { return left.full_outer_join(right); }) ==
        std::vector<std::vector<row<optional<int>, optional<string>>>>{
            {{"milk", {2, std::nullopt}},
             {"salt", {std::nullopt, "cheap"}},
             {"tea", {1, "dear"}},
             {"tea", {1, "green"}},
             {"tea", {3, "dear"}},
             {"tea", {3, "green"}}},
            {{"milk", {4, std::nullopt}}}});
}

SCENARIO("a key that is a view meets its owning twin, and what is joined owns its bytes",
         "[operators][join][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto rows = joined_rows(how, batches, [](auto left, auto right) {
    const auto viewed = right.map([](const price& p) {
      return std::pair<std::string_view, std::string_view>(p.first, p.second);
    });
    auto joined = viewed.join(left);
    static_assert(std::is_same_v<typename decltype(joined)::record_type, row<string, int>>);
    return joined.map(
        [](const row<string, int>& r) { return std::pair(r.first, r.second.second); });
  });
  CHECK(rows[0] == std::vector<stock>{{"tea", 1}, {"tea", 1}, {"tea", 3}, {"tea", 3}});
}
