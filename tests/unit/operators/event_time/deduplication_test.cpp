// The first record of each key, and the first records of a batch in an order.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/aborted_batches.hpp>

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;

namespace {

using record = std::pair<int, std::string>; // time and key
using batches = std::vector<partitioned<record>>;
using rows = std::vector<std::vector<record>>;

const auto key_of = [](const record& r) { return std::string_view(r.second); };

auto timed(const weir::stream<record>& in) {
  return in.assign_timestamps(
      [](const record& r) { return weir::event_time(milliseconds(r.first)); },
      {.max_out_of_orderness = 5ms});
}

// Watermarks: none, 5, 15, 25.
const batches some = {{{{10, "a"}, {10, "a"}, {8, "b"}, {9, "a"}}},
                      {{{10, "a"}, {20, "b"}, {5, "c"}}},
                      {{{4, "late"}, {10, "a"}, {30, "d"}}},
                      {{{10, "late"}, {30, "d"}}}};

} // namespace

SCENARIO("deduplicate keeps a key for ever", "[operators][event_time][deduplicate]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<record>(how, some, [](auto in) { return in.deduplicate(key_of); }) ==
        rows{{{8, "b"}, {10, "a"}}, {{5, "c"}}, {{4, "late"}, {30, "d"}}, {}});
}

SCENARIO("of timed records deduplicate compares key and time, until the watermark has passed them",
         "[operators][event_time][deduplicate]") {
  const auto how = GENERATE(from_range(every_mode()));
  const rows expected = {{{8, "b"}, {9, "a"}, {10, "a"}}, {{5, "c"}, {20, "b"}}, {{30, "d"}}, {}};
  CHECK(rows_of<record>(how, some, [](auto in) {
          return timed(in).deduplicate(key_of).without_time();
        }) == expected);
  auto options = weir::test::options_for();
  options.block.max_records = 1;
  CHECK(weir::test::rows_with_aborts<record>(options, some, {0, 1, 2, 3}, [](auto in) {
          return timed(in).deduplicate(key_of).without_time();
        }) == expected);
}

SCENARIO("deduplicate_within_watermark remembers a key for as long as records may be late",
         "[operators][event_time][deduplicate]") {
  const auto how = GENERATE(from_range(every_mode()));
  // "a" of 10 is known until the watermark is 15: to the end of the third batch.
  const batches input = {some[0], some[1], some[2], {{{26, "a"}, {30, "d"}}}};
  CHECK(rows_of<record>(how, input, [](auto in) {
          return timed(in).deduplicate_within_watermark(key_of).without_time();
        }) == rows{{{8, "b"}, {10, "a"}}, {{5, "c"}}, {{30, "d"}}, {{26, "a"}}});
}

SCENARIO("late duplicates are counted", "[operators][event_time][deduplicate]") {
  auto job = *weir::testing::stepped_job::make(
      weir::test::options_for(GENERATE(from_range(every_mode()))));
  auto log = std::make_shared<weir::memory_log<record>>(1);
  timed(weir::memory_stream(job.context(), log))
      .deduplicate(key_of)
      .count()
      .for_each_batch([](const auto&) {});
  for (const auto& batch : some) {
    weir::test::append(*log, batch);
    REQUIRE(job.step());
  }
  CHECK(job.reports()[2].late == 1);
  CHECK(job.reports()[3].late == 1);
}

SCENARIO("sorted and top order a whole batch", "[operators][sorted][top]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<int>>(2);
  const auto in = weir::memory_stream(job.context(), log);
  auto up = std::make_shared<weir::memory_table<int>>();
  auto two = std::make_shared<weir::memory_table<int>>();
  in.sorted().to(weir::memory_sink(up));
  in.top(2).to(weir::memory_sink(two));
  weir::test::append<int>(*log, {{3, 1, 5}, {4, 9}});
  REQUIRE(job.step());
  REQUIRE(job.step());
  CHECK(up->rows() == std::vector<int>{1, 3, 4, 5, 9});
  CHECK(two->rows() == std::vector<int>{9, 5});
}

SCENARIO("the first of complete results, but not of changed ones", "[operators][top]") {
  const auto how = GENERATE(from_range(every_mode()));
  using counted = std::pair<std::string, std::int64_t>;
  const auto more = [](const counted& a, const counted& b) { return a.second > b.second; };
  const std::vector<partitioned<std::string>> words = {{{"a", "b", "b"}}, {{"a", "a", "c"}}};
  CHECK(rows_of<std::string>(how, words, [&](auto in) {
          return in.map([](const std::string& w) { return std::pair(w, 0); })
              .running()
              .emit(weir::output_mode::complete)
              .count_by_key()
              .top(1, more);
        }) == std::vector<std::vector<counted>>{{{"b", 2}}, {{"a", 3}}});

  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<std::string>>(1);
  weir::memory_stream(job.context(), log)
      .map([](const std::string& w) { return std::pair(w, 0); })
      .running()
      .emit(weir::output_mode::update)
      .count_by_key()
      .top(1, more)
      .for_each_batch([](const auto&) {});
  const auto report = job.step();
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().to_string(), Catch::Contains("top() stands behind"));
}
