// Records looked up in tables: given once, or loaded again while the job runs.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>
#include <tests/support/properties.hpp>

#include <map>
#include <set>

using namespace std::chrono_literals;
using std::optional;
using std::string;
using std::string_view;
using weir::errc;
using weir::test::every_mode;
using weir::test::rows_of;

namespace {

using order = std::pair<string, int>;
template <class V>
using row = std::pair<string, std::pair<int, V>>;

const weir::static_table<string, string> names{{"a", "apple"},
                                               {"b", "a-name-beyond-the-small-buffer"}};
const std::vector<weir::test::partitioned<order>> orders = {{{{"a", 1}, {"x", 2}}, {{"b", 3}}},
                                                            {{}, {}}};

} // namespace

SCENARIO("a static table gives what it has for a key", "[operators][table]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<order>(how, orders, [](auto in) { return in.join_table(names); }) ==
        std::vector<std::vector<row<string>>>{
            {{"a", {1, "apple"}}, {"b", {3, "a-name-beyond-the-small-buffer"}}}, {}});
  CHECK(
      rows_of<order>(how, orders, [](auto in) { return in.left_outer_join_table(names); }) ==
      std::vector<std::vector<row<optional<string>>>>{{{"a", {1, "apple"}},
                                                       {"b", {3, "a-name-beyond-the-small-buffer"}},
                                                       {"x", {2, std::nullopt}}},
                                                      {}});
}

SCENARIO("a function combines a record with what the table has", "[operators][table]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<order>(how, orders, [](auto in) {
          return in.join_table(
              names, [](int n, const string& name) { return static_cast<int>(name.size()) * n; });
        }) == std::vector<std::vector<std::pair<string, int>>>{{{"a", 5}, {"b", 90}}, {}});
  CHECK(rows_of<order>(how, orders, [](auto in) {
          return in.left_outer_join_table(
              names, [](int n, const string* name) { return name ? int(name->size()) : -n; });
        }) == std::vector<std::vector<order>>{{{"a", 5}, {"b", 30}, {"x", -2}}, {}});
}

SCENARIO("views are keys too, and a table's strings survive exchanges of blocks",
         "[operators][table][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto rows = rows_of<order>(how, orders, [](auto in) {
    return in.map([](const order& o) { return std::pair<string_view, int>(o.first, o.second); })
        .join_table(names)
        .share()
        .map([](const auto& r) { return r.second.second; })
        .share()
        .count_by_value();
  });
  CHECK(rows[0] == std::vector<std::pair<string, std::int64_t>>{
                       {"a-name-beyond-the-small-buffer", 1}, {"apple", 1}});
}

SCENARIO("of two entries with the same key the later one counts", "[operators][table]") {
  const std::vector<std::pair<string, int>> twice = {{"a", 1}, {"a", 2}};
  const weir::static_table<string, int> table(twice);
  CHECK(table.size() == 1);
  CHECK(rows_of<order>(weir::test::run_mode(), orders, [&](auto in) {
          return in.join_table(table);
        })[0] == std::vector<row<int>>{{"a", {1, 2}}});
}

SCENARIO("joins with a table equal their model", "[operators][table][model]") {
  weir::test::holds_for(
      1000, [](const std::map<int, int>& table, const std::vector<std::pair<int, int>>& some) {
        auto options =
            weir::test::options_for({.seed = *weir::test::full_range<std::uint64_t>(0, 1'000'000)});
        options.block.max_records = *weir::test::full_range<std::size_t>(1, 4);
        using out = std::pair<int, std::pair<int, optional<int>>>;
        std::vector<out> all;
        std::vector<out> inner;
        for (const auto& [key, value] : some) {
          const auto found = table.find(key);
          all.push_back({key, {value, found == table.end() ? optional<int>() : found->second}});
          if (found != table.end())
            inner.push_back(all.back());
        }
        const weir::static_table<int, int> kept(table);
        const std::vector<weir::test::partitioned<std::pair<int, int>>> input = {{some, {}}};
        const auto outer = rows_of<std::pair<int, int>>(
            options, input, [&](auto in) { return in.left_outer_join_table(kept); });
        RC_ASSERT(outer[0] == weir::test::sorted(all));
        const auto found = rows_of<std::pair<int, int>>(options, input, [&](auto in) {
          return in.join_table(kept).map([](const auto& r) {
            return out(r.first, {r.second.first, optional<int>(r.second.second)});
          });
        });
        RC_ASSERT(found[0] == weir::test::sorted(inner));
      });
}
