// Steps: record by record, in order within a partition, nothing from nothing.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using numbers = std::vector<int>;
using pairs = std::vector<std::pair<std::string, int>>;

namespace {

/// Two batches of two partitions: {1, 2, 3 | 4, 5}, then nothing.
const std::vector<partitioned<int>> one_full_one_empty = {{{1, 2, 3}, {4, 5}}, {{}, {}}};

} // namespace

SCENARIO("steps change, drop, multiply and look at records", "[operators][step]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const auto run = [&](auto build) { return rows_of<int>(how, one_full_one_empty, build); };

  CHECK(run([](auto in) { return in.map([](int n) { return n * 10; }); }) ==
        std::vector<numbers>{{10, 20, 30, 40, 50}, {}});
  CHECK(run([](auto in) { return in.filter([](int n) { return n % 2 == 0; }); }) ==
        std::vector<numbers>{{2, 4}, {}});
  CHECK(run([](auto in) {
          return in.flat_map([](int n) { return numbers(static_cast<std::size_t>(n / 2), n); });
        }) == std::vector<numbers>{{2, 3, 4, 4, 5, 5}, {}});
  std::atomic<int> sum = 0;
  CHECK(run([&](auto in) { return in.inspect([&](int n) { sum += n; }); }) ==
        std::vector<numbers>{{1, 2, 3, 4, 5}, {}});
  CHECK(sum == 15);
}

SCENARIO("steps on values keep the key", "[operators][step]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const std::vector<partitioned<std::pair<std::string, int>>> input = {
      {{{"a", 1}, {"b", 2}}, {{"a", 3}}}, {{}, {}}};
  const auto run = [&](auto build) {
    return rows_of<std::pair<std::string, int>>(how, input, build);
  };

  CHECK(run([](auto in) { return in.map_values([](int v) { return v + 100; }); }) ==
        std::vector<pairs>{{{"a", 101}, {"a", 103}, {"b", 102}}, {}});
  CHECK(run([](auto in) {
          return in.flat_map_values(
              [](int v) { return numbers(static_cast<std::size_t>(v - 1), v); });
        }) == std::vector<pairs>{{{"a", 3}, {"a", 3}, {"b", 2}}, {}});
}

SCENARIO("a chain of steps runs them in order in one node", "[operators][chain]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  auto out = std::make_shared<weir::memory_table<std::string>>();
  weir::memory_stream(job.context(), log)
      .filter([](int n) { return n != 2; })
      .map([](int n) { return std::to_string(n); })
      .flat_map([](const std::string& s) { return std::vector{s + "a", s + "b"}; })
      .to(weir::memory_sink(out));
  log->append_all({1, 2, 3});
  const auto report = job.step();
  REQUIRE(report);
  CHECK(out->rows() ==
        std::vector<std::string>{"1a", "1b", "3a", "3b"}); // order is kept within a partition
  REQUIRE(report->operators.size() == 3);
  CHECK(report->operators[1].name == "filter | map | flat_map");
  CHECK(report->operators[1].records_in == 3);
  CHECK(report->operators[1].records_out == 4);
}

SCENARIO("flat_map reads lazy ranges while the record lives", "[operators][step]") {
  const auto rows =
      rows_of<std::string>(weir::test::run_mode(), {{{"to be or not", "  to\tbe "}}}, [](auto in) {
        return in.flat_map([](const std::string& line) { return weir::split_words(line); })
            .map([](std::string_view word) { return std::string(word); });
      });
  CHECK(rows == std::vector<std::vector<std::string>>{{"be", "be", "not", "or", "to", "to"}});
}

SCENARIO("functions that cannot be copied are made for each replica", "[operators][per_replica]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  auto made = std::make_shared<std::atomic<int>>(0);
  struct counter {
    std::unique_ptr<int> calls = std::make_unique<int>(0);
    int operator()(int n) const { return ++*calls, n; }
  };
  STATIC_REQUIRE_FALSE(std::copy_constructible<counter>);
  const auto rows = rows_of<int>(how, one_full_one_empty, [&](auto in) {
    return in.map(weir::per_replica([made] { return ++*made, counter(); }));
  });
  CHECK(rows == std::vector<numbers>{{1, 2, 3, 4, 5}, {}});
  CHECK(*made == 2); // two replicas, one per partition
}

SCENARIO("a chain used twice runs twice, a shared one once", "[operators][chain]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  const bool shared = GENERATE(false, true);
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<int>>();
  auto left = std::make_shared<weir::memory_table<int>>();
  auto right = std::make_shared<weir::memory_table<int>>();
  std::atomic<int> calls = 0;
  const auto chain =
      weir::memory_stream(job.context(), log).map([&](int n) { return ++calls, n + 1; });
  if (shared) {
    const auto once = chain.share();
    once.to(weir::memory_sink(left));
    once.filter([](int n) { return n > 2; }).to(weir::memory_sink(right));
  } else {
    chain.to(weir::memory_sink(left));
    chain.filter([](int n) { return n > 2; }).to(weir::memory_sink(right));
  }
  log->append_all({1, 2, 3});
  REQUIRE(job.step());
  CHECK(left->rows() == numbers{2, 3, 4});
  CHECK(right->rows() == numbers{3, 4});
  CHECK(calls == (shared ? 3 : 6));
}

SCENARIO("words are what stands between white space", "[operators][text]") {
  const auto words = [](std::string_view text) {
    std::vector<std::string_view> all;
    for (const auto word : weir::split_words(text))
      all.push_back(word);
    return all;
  };
  CHECK(words("").empty());
  CHECK(words(" \t\r\n").empty());
  CHECK(words("one") == std::vector<std::string_view>{"one"});
  CHECK(words(" a  bc\td\n") == std::vector<std::string_view>{"a", "bc", "d"});
}
