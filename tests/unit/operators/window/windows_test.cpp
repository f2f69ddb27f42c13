// What each window gives, batch by batch: small numbers that can be checked by hand.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using pair = std::pair<std::string, int>;
using counted = std::pair<std::string, std::int64_t>;
using numbers = std::vector<std::vector<int>>;
using counts = std::vector<std::vector<std::int64_t>>;

namespace {

/// Batch b has b in one partition and 10 b in the other; the third is empty.
const std::vector<partitioned<int>> five = {
    {{1}, {10}}, {{2}, {20}}, {{}, {}}, {{4}, {40}}, {{5}, {50}}};

const std::vector<partitioned<pair>> keyed = {{{{"a", 1}, {"a", 2}}, {{"b", 5}}},
                                              {{{"b", 1}}, {{"a", 4}, {"b", 1}}},
                                              {{}, {}},
                                              {{}, {{"c", 7}}},
                                              {{{"a", 9}}, {}}};

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

SCENARIO("a window that does not fit its share of memory fails the batch", "[operators][window]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.memory_budget = 8 << 20;
  auto job = weir::testing::stepped_job::make(options);
  REQUIRE(job);
  auto log = std::make_shared<weir::memory_log<std::int64_t>>();
  weir::memory_stream(job->context(), log)
      .window(60s)
      .count()
      .to(weir::memory_sink(std::make_shared<weir::memory_table<std::int64_t>>()));
  std::optional<weir::error> failure;
  for (int batch = 0; batch < 60 && !failure; ++batch) {
    log->append_all(std::vector<std::int64_t>(50'000, 1));
    const auto report = job->step();
    REQUIRE(report);
    failure = report->failure;
  }
  REQUIRE(failure);
  CHECK(failure->code() == weir::errc::out_of_budget);
  CHECK_THAT(failure->message(), Contains("window"));
}

SCENARIO("lengths and slides that do not fit are mistakes with the line of the call",
         "[operators][window]") {
  auto ctx = weir::context::make({.batch_interval = 500ms});
  REQUIRE(ctx);
  auto in = weir::memory_stream(*ctx, std::make_shared<weir::memory_log<int>>(1));
  const auto ignore = [](const auto&) {};
  in.window(1200ms).for_each_batch(ignore);
  in.count_by_window(0s).for_each_batch(ignore);
  in.reduce_by_window(plus, 2s, 750ms).for_each_batch(ignore);
  in.window(1s, 1s).window(1500ms).for_each_batch(ignore);
  const auto line = std::source_location::current().line() - 1;
  in.window(1s, -1s).for_each_batch(ignore);
  const auto started = ctx->start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == weir::errc::invalid_graph);
  const auto& causes = started.error().causes();
  REQUIRE(causes.size() == 5);
  CHECK_THAT(causes[0].message(), Contains("length") && Contains("1200 ms") && Contains("500 ms"));
  CHECK_THAT(causes[1].message(), Contains("0 ms"));
  CHECK_THAT(causes[2].message(), Contains("slide") && Contains("750 ms"));
  CHECK_THAT(causes[3].message(),
             Contains("1500 ms") && Contains("1000 ms") && Contains("'window'"));
  CHECK_THAT(causes[3].to_string(), Contains(std::to_string(line)));
  CHECK_THAT(causes[4].message(), Contains("-1000 ms"));
}

SCENARIO("streams of different slides do not join", "[operators][window]") {
  auto ctx = weir::context::make();
  REQUIRE(ctx);
  auto in = weir::memory_stream(*ctx, std::make_shared<weir::memory_log<int>>(1));
  in.union_with(in.window(2s, 2s)).for_each_batch([](const auto&) {});
  in.window(3s, 2s).union_with(in.window(4s, 2s)).for_each_batch([](const auto&) {});
  const auto started = ctx->start();
  REQUIRE_FALSE(started);
  REQUIRE(started.error().causes().size() == 1);
  CHECK_THAT(started.error().causes()[0].message(),
             Contains("union_with") && Contains("every 2") && Contains("every 1 "));
}

SCENARIO("merged ticks count: what is too old leaves the window", "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  auto log = std::make_shared<weir::memory_log<int>>();
  auto in = weir::memory_stream(job->context(), log);
  auto sliding = std::make_shared<weir::memory_table<int>>();
  auto inverse = std::make_shared<weir::memory_table<int>>();
  auto apart = std::make_shared<weir::memory_table<int>>();
  in.window(3s).to(weir::memory_sink(sliding));
  in.reduce_by_window(plus, minus, 3s).to(weir::memory_sink(inverse));
  in.window(2s, 2s).to(weir::memory_sink(apart));
  const auto run = [&](int record, weir::duration later = 0s) {
    log->append(record);
    job->clock().advance(later);
    const auto report = job->step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  };
  const auto last = [](const auto& table) { return table->batches().back().rows; };
  using rows = std::vector<int>;
  run(1);
  run(10, 1s); // batches 2 and 3 in one
  CHECK(last(sliding) == rows{1, 10});
  CHECK(last(inverse) == rows{11});
  CHECK(apart->batches().size() == 1); // the window that ended with the second tick
  CHECK(last(apart) == rows{1});
  run(100);
  CHECK(last(sliding) == rows{10, 100}); // (1, 4]
  CHECK(last(inverse) == rows{110});
  CHECK(last(apart) == rows{10, 100}); // (2, 4]
  run(1000, 4s);                       // 5 to 9
  CHECK(last(sliding) == rows{1000});
  CHECK(last(inverse) == rows{1000});
  CHECK(last(apart) == rows{}); // (4, 8]: whole windows were missed, and nothing came in them
  run(10000);
  CHECK(last(apart) == rows{1000, 10000}); // (8, 10]
}

SCENARIO("where batches do not follow the clock each counts as one interval",
         "[operators][window]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::available_now;
  options.batch_interval = 1s;
  options.rate_control = {.enabled = true, .first_batch_rate = 2, .partition = {.ceiling = 2}};
  auto ctx = weir::context::make(options);
  REQUIRE(ctx);
  auto log = std::make_shared<weir::memory_log<int>>();
  log->append_all({1, 2, 3, 4, 5, 6, 7, 8});
  auto in = weir::memory_stream(*ctx, log);
  auto windows = std::make_shared<weir::memory_table<int>>();
  in.window(2s, 2s).to(weir::memory_sink(windows));
  REQUIRE(ctx->start());
  REQUIRE(ctx->await());
  REQUIRE(windows->batches().size() == 2);
  CHECK(windows->batches()[0].rows == std::vector<int>{1, 2, 3, 4});
  CHECK(windows->batches()[1].rows == std::vector<int>{5, 6, 7, 8});
}
