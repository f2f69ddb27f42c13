// cogroup and every join against a naive model.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>
#include <tests/support/properties.hpp>

#include <map>
#include <set>

using std::nullopt;
using std::optional;
using weir::test::sorted;

namespace {

using record = std::pair<int, int>;
using inputs = weir::test::two_inputs<record, record>;
template <class L, class R>
using rows = std::vector<std::pair<int, std::pair<L, R>>>;

/// Up to 2 batches of few records with few keys, so that keys meet.
std::vector<inputs> some_batches() {
  const auto partition = rc::gen::container<std::vector<record>>(
      rc::gen::pair(weir::test::full_range(0, 4), weir::test::full_range(0, 9)));
  const auto side = [&] {
    return *rc::gen::resize(5, rc::gen::container<std::vector<std::vector<record>>>(2, partition));
  };
  std::vector<inputs> batches(*weir::test::full_range<std::size_t>(1, 3));
  for (auto& batch : batches)
    batch = {.left = side(), .right = side()};
  return batches;
}

std::map<int, std::vector<int>> by_key(const weir::test::partitioned<record>& side) {
  std::map<int, std::vector<int>> values;
  for (const auto& partition : side)
    for (const auto& [key, value] : partition)
      values[key].push_back(value);
  return values;
}

/// All pairs; a side without a key counts as one value that is none, where the kind allows it.
rows<optional<int>, optional<int>> model(const inputs& batch, bool lone_left, bool lone_right) {
  auto left = by_key(batch.left);
  auto right = by_key(batch.right);
  std::set<int> keys;
  for (const auto& side : {left, right})
    for (const auto& [key, values] : side)
      keys.insert(key);
  rows<optional<int>, optional<int>> all;
  for (const int key : keys) {
    std::vector<optional<int>> ls(left[key].begin(), left[key].end());
    std::vector<optional<int>> rs(right[key].begin(), right[key].end());
    if (ls.empty() && lone_right)
      ls.push_back(nullopt);
    if (rs.empty() && lone_left)
      rs.push_back(nullopt);
    for (const auto& l : ls)
      for (const auto& r : rs)
        all.push_back({key, {l, r}});
  }
  return sorted(all);
}

/// In line, in blocks of one to three records, in a random order of work.
weir::context_options some_options() {
  auto options =
      weir::test::options_for({.seed = *weir::test::full_range<std::uint64_t>(0, 1'000'000)});
  options.block.max_records = *weir::test::full_range<std::size_t>(1, 4);
  options.default_partitions = *weir::test::full_range<std::uint32_t>(1, 4);
  return options;
}

/// Runs 1,000 cases of `join(left, right)` against the model.
template <class Join>
void check_against_model(bool lone_left, bool lone_right, Join join) {
  weir::test::holds_for(1000, [&] {
    const auto batches = some_batches();
    auto found = weir::test::joined_rows(some_options(), batches, [&](auto left, auto right) {
      return join(left, right).map([](const auto& row) {
        return std::pair(row.first, std::pair<optional<int>, optional<int>>(row.second.first,
                                                                            row.second.second));
      });
    });
    for (std::size_t i = 0; i < batches.size(); ++i)
      RC_ASSERT(found[i] == model(batches[i], lone_left, lone_right));
  });
}

} // namespace

SCENARIO("joins equal their model", "[operators][join][model]") {
  WHEN("inner") {
    check_against_model(false, false, [](auto l, auto r) { return l.join(r); });
  }
  WHEN("left outer") {
    check_against_model(true, false, [](auto l, auto r) { return l.left_outer_join(r); });
  }
  WHEN("right outer") {
    check_against_model(false, true, [](auto l, auto r) { return l.right_outer_join(r); });
  }
  WHEN("full outer") {
    check_against_model(true, true, [](auto l, auto r) { return l.full_outer_join(r); });
  }
}

SCENARIO("cogroup has every key of either side once, with all its values",
         "[operators][join][model]") {
  weir::test::holds_for(1000, [] {
    const auto batches = some_batches();
    auto found = weir::test::joined_rows(some_options(), batches,
                                         [](auto left, auto right) { return left.cogroup(right); });
    for (std::size_t i = 0; i < batches.size(); ++i) {
      const auto left = by_key(batches[i].left);
      const auto right = by_key(batches[i].right);
      std::set<int> keys;
      for (const auto& [key, both] : found[i]) {
        RC_ASSERT(keys.insert(key).second);
        RC_ASSERT(sorted(both.first) ==
                  (left.contains(key) ? sorted(left.at(key)) : std::vector<int>()));
        RC_ASSERT(sorted(both.second) ==
                  (right.contains(key) ? sorted(right.at(key)) : std::vector<int>()));
      }
      for (const auto& side : {left, right})
        for (const auto& [key, values] : side)
          RC_ASSERT(keys.contains(key));
    }
  });
}
