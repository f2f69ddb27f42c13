// Whole batches in the user's hands: transform, transform_with, and slices of remembered ones.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/join_jobs.hpp>

#include <numeric>

using namespace std::chrono_literals;
using weir::batch_view;
using weir::errc;
using weir::test::every_mode;
using weir::test::rows_of;
using ints = std::vector<int>;

namespace {

const std::vector<weir::test::partitioned<int>> one_full_one_empty = {{{3, 1}, {2}}, {{}, {}}};
constexpr weir::batch_time first_batch(1'767'225'601s);

} // namespace

SCENARIO("transform makes one partition of the whole batch, also of an empty one",
         "[operators][transform]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) {
          return in.transform([](const batch_view<int>& all) {
            return ints{static_cast<int>(all.partitions().size()), static_cast<int>(all.size())};
          });
        }) == std::vector<ints>{{2, 3}, {0, 2}});
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) {
          return in
              .transform([](const batch_view<int>& all, weir::batch_time at) {
                auto rows = all.collect();
                rows.push_back(static_cast<int>((at - first_batch) / 1s));
                return rows;
              })
              .map([](int n) { return n * 10; });
        }) == std::vector<ints>{{0, 10, 20, 30}, {10}});
}

SCENARIO("what transform gives is one partition in the order of the result",
         "[operators][transform]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto options = weir::test::options_for(how);
  options.block.max_records = 2;
  CHECK(rows_of<int>(options, one_full_one_empty, [](auto in) {
          return in
              .transform([](const batch_view<int>&) {
                ints many(1000);
                std::iota(many.begin(), many.end(), 0);
                return many;
              })
              .map_partitions([](const weir::partition_view<int>& all) {
                return ints{std::is_sorted(all.begin(), all.end()), static_cast<int>(all.size())};
              });
        }) == std::vector<ints>{{1, 1000}, {1, 1000}});
}

SCENARIO("a result that points into the batch stays valid", "[operators][transform][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  using std::string_view;
  const std::string long_word = "a-word-beyond-the-small-string-buffer";
  CHECK(rows_of<string_view>(how, {{{long_word, "b"}, {"c"}}}, [](auto in) {
          return in
              .transform([](const batch_view<string_view>& all) {
                std::vector<string_view> words;
                all.for_each([&](string_view w) { words.push_back(w); });
                return words;
              })
              .share();
        })[0] == std::vector<std::string>{long_word, "b", "c"});
}

SCENARIO("transform_with sees the batches of two streams at the same time",
         "[operators][transform]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::vector<weir::test::two_inputs<int, std::string>> batches = {
      {.left = {{1, 2}, {3}}, .right = {{"a"}, {}}}, {.left = {{}, {}}, .right = {{}, {"b", "c"}}}};
  CHECK(weir::test::joined_rows(how, batches, [](auto left, auto right) {
          return left.transform_with(right.repartition(5), [](const batch_view<int>& ints_now,
                                                              const batch_view<std::string>& texts,
                                                              weir::batch_time) {
            return ints{static_cast<int>(ints_now.size()), static_cast<int>(texts.size()),
                        static_cast<int>(texts.partitions().size())};
          });
        }) == std::vector<ints>{{1, 3, 5}, {0, 2, 5}});
}

SCENARIO("an error that the function returns or throws fails the batch", "[operators][transform]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool throws = GENERATE(false, true);
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<int>>();
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log)
      .transform([throws](const batch_view<int>& all) -> weir::expected<ints> {
        if (all.empty())
          return ints{7};
        if (throws)
          throw std::runtime_error("too much");
        return weir::error(errc::decode, "too much");
      })
      .to(weir::memory_sink(table));
  REQUIRE(job.step());
  CHECK(table->rows() == ints{7});
  log->append(1);
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == (throws ? errc::user_function_failed : errc::decode));
  CHECK_THAT(report->failure->message(),
             Catch::Contains("transform") && Catch::Contains("too much"));
}

SCENARIO("where throwing is dropped, the batch goes on without a result",
         "[operators][transform]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<int>(how, one_full_one_empty, [](auto in) {
          return in
              .transform([](const batch_view<int>& all) {
                return all.empty() ? ints{7} : throw std::runtime_error("too much");
              })
              .on_error(weir::on_error::drop);
        }) == std::vector<ints>{{}, {7}});
}

SCENARIO("transform that keeps more than its share fails with its name", "[operators][transform]") {
  auto options = weir::test::options_for();
  options.memory_budget = 8 << 20;
  auto job = *weir::testing::stepped_job::make(options);
  weir::memory_stream(job.context(), std::make_shared<weir::memory_log<int>>())
      .transform([](const batch_view<int>&) { return ints(2'000'000, 7); })
      .for_each_batch([](const auto&) {});
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::out_of_budget);
  CHECK_THAT(report->failure->message(), Catch::Contains("'transform'"));
}

SCENARIO("a slice has the batches at valid times between its ends", "[operators][slice]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<std::string_view>>(2);
  const auto recent = weir::memory_stream(job.context(), log).remember(3s);
  const auto at = [](int batch) { return first_batch + (batch - 1) * 1s; };
  const auto slice = [&](weir::batch_time from, weir::batch_time to) {
    const auto found = recent.slice(from, to);
    INFO((found ? "" : found.error().message()));
    REQUIRE(found);
    return weir::test::sorted(*found);
  };
  const auto refusal = [&](weir::batch_time from, weir::batch_time to) {
    const auto found = recent.slice(from, to);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == errc::invalid_state);
    return found.error().message();
  };
  using texts = std::vector<std::string>;

  CHECK_THAT(refusal(at(1), at(1)), Catch::Contains("has not started"));
  REQUIRE(job.context().start());
  CHECK_THAT(refusal(at(1), at(1)), Catch::Contains("no batch is complete"));
  for (const char* word : {"one", "two", "three"}) {
    log->append(word, 0);
    log->append(word, 1);
    REQUIRE(job.step());
  }
  CHECK(slice(at(1), at(1)) == texts{"one", "one"});
  CHECK(slice(at(1), at(3)) == texts{"one", "one", "three", "three", "two", "two"});
  CHECK(slice(at(2) + 1ms, at(3) + 999ms) == texts{"three", "three", "two", "two"}); // floored
  CHECK(slice(at(-5), at(1) + 1ms) == texts{"one", "one"}); // nothing before the start
  CHECK(slice(at(-5), at(-2)).empty());
  CHECK_THAT(refusal(at(2), at(4)), Catch::Contains("last complete batch"));
  CHECK_THAT(refusal(at(2), at(1)), Catch::Contains("ends before it begins"));

  REQUIRE(job.step());
  // The first batch is 3 s older than the newest, which may be undone until the next one begins.
  CHECK(slice(at(1), at(4)) == texts{"one", "one", "three", "three", "two", "two"});
  REQUIRE(job.step());
  CHECK_THAT(refusal(at(1), at(5)), Catch::Contains("forgotten"));
  CHECK(slice(at(2), at(5)) == texts{"three", "three", "two", "two"});
  REQUIRE(job.context().stop());
  CHECK(slice(at(3), at(5)) == texts{"three", "three"});
}

SCENARIO("the slice of a window is floored to its slide", "[operators][slice]") {
  auto job = *weir::testing::stepped_job::make(
      weir::test::options_for(GENERATE(from_range(every_mode()))));
  auto log = std::make_shared<weir::memory_log<int>>();
  const auto recent = weir::memory_stream(job.context(), log).window(2s, 2s).remember(1h);
  for (int i = 1; i <= 5; ++i) {
    log->append(i);
    REQUIRE(job.step());
  }
  const auto at = [](int batch) { return first_batch + (batch - 1) * 1s; };
  const auto slice = [&](int from, int to) {
    return weir::test::sorted(*recent.slice(at(from), at(to)));
  };
  CHECK(slice(2, 2) == ints{1, 2});
  CHECK(slice(3, 5) == ints{1, 2, 3, 4});
  CHECK(slice(4, 4) == ints{3, 4});
  CHECK(slice(0, 1).empty());
  CHECK_FALSE(recent.slice(at(2), at(6)));
}

SCENARIO("batches without a clock are sliced by their exact times", "[operators][slice]") {
  auto options = weir::test::options_for(GENERATE(from_range(every_mode())));
  options.trigger = weir::trigger::available_now;
  auto ctx = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  log->append_all({1, 2});
  const auto recent = weir::memory_stream(ctx, log).remember(1h);
  std::vector<weir::batch_time> times;
  weir::memory_stream(ctx, std::make_shared<weir::memory_log<int>>())
      .for_each_batch([&](const batch_view<int>& b) { times.push_back(b.time()); });
  REQUIRE(ctx.start());
  REQUIRE(ctx.await());
  REQUIRE(times.size() == 1);
  CHECK(*recent.slice(times[0] - 1ms, times[0]) == ints{1, 2});
  CHECK(recent.slice(times[0] - 2ms, times[0] - 1ms)->empty());
  CHECK_FALSE(recent.slice(times[0], times[0] + 1ms));
}

SCENARIO("what is remembered counts, and forgetting frees it", "[operators][slice]") {
  auto options = weir::test::options_for();
  options.memory_budget = 8 << 20;
  const auto how_long = GENERATE(1s, 100s);
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  const auto recent = weir::memory_stream(job.context(), log).remember(how_long);
  bool failed = false;
  for (int i = 0; i < 20 && !failed; ++i) {
    log->append_all(ints(100'000, 7)); // 400 KB of 2.9 MB
    const auto report = job.step();
    REQUIRE(report);
    failed = report->failure.has_value();
    if (failed)
      CHECK_THAT(report->failure->message(), Catch::Contains("'remember'"));
  }
  CHECK(failed == (how_long == 100s));
}

SCENARIO("remember needs a time", "[operators][slice]") {
  auto ctx = *weir::context::make({});
  (void)weir::memory_stream(ctx, std::make_shared<weir::memory_log<int>>()).remember(0s);
  const auto started = ctx.start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(), Catch::Contains("remember() needs a time above zero"));
}
