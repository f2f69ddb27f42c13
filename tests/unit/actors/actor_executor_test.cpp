// The same graph under both executors gives the same batches.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::executor_kind;
using weir::test::partitioned;
using weir::test::rows_of;
using weir::test::run_mode;

namespace {

/// Five batches of four partitions with some hundred words, and one empty batch.
std::vector<partitioned<std::string>> word_batches() {
  std::vector<partitioned<std::string>> batches;
  for (int b = 0; b < 6; ++b) {
    partitioned<std::string> parts(4);
    for (int i = 0; b != 3 && i < 400; ++i)
      parts[static_cast<std::size_t>(i % 4)].push_back(
          fmt::format("word{} of batch{}", i * 7 % 31, b % 2));
    batches.push_back(std::move(parts));
  }
  return batches;
}

weir::context_options tight(run_mode how) {
  auto options = weir::test::options_for(how);
  options.worker_threads = how.executor == executor_kind::actors ? 3 : 2;
  options.memory_budget = 8 << 20;
  options.block.max_records = 5; // many blocks, many barriers behind them
  return options;
}

} // namespace

SCENARIO("both executors give the same rows in every batch", "[actors][executor]") {
  const auto words = [](auto in) {
    return in.flat_map([](const std::string& line) { return weir::split_words(line); });
  };
  const auto word_count = [&](auto in) { return words(in).count_by_value(3); };
  const auto diamond = [&](auto in) {
    const auto once =
        words(in).map([](std::string_view w) { return std::pair(std::string(w), 1); }).share();
    return once.reduce_by_key(std::plus<>{})
        .union_with(once.repartition(2).filter([](const auto& p) { return p.first < "c"; }));
  };
  const auto batches = word_batches();
  const auto seed = GENERATE(1U, 2U, 3U);
  CHECK(rows_of<std::string>(tight({executor_kind::actors}), batches, word_count) ==
        rows_of<std::string>(tight({executor_kind::in_line, seed}), batches, word_count));
  CHECK(rows_of<std::string>(tight({executor_kind::actors}), batches, diamond) ==
        rows_of<std::string>(tight({executor_kind::in_line, seed}), batches, diamond));
}

SCENARIO("the inline executor repeats itself for the same seed, also in order",
         "[runtime][inline_executor]") {
  const auto rows = [](std::uint64_t seed) {
    auto job = *weir::testing::stepped_job::make(tight({executor_kind::in_line, seed}));
    auto log = std::make_shared<weir::memory_log<int>>(4);
    auto table = std::make_shared<weir::memory_table<int>>();
    weir::memory_stream(job.context(), log).repartition(3).to(weir::memory_sink(table));
    for (std::uint32_t i = 0; i < 200; ++i)
      log->append(static_cast<int>(i), i % 4);
    REQUIRE(job.step());
    return table->rows();
  };
  CHECK(rows(5) == rows(5));
  CHECK(rows(5) != rows(6)); // another order of the same rows
  CHECK(weir::test::sorted(rows(5)) == weir::test::sorted(rows(6)));
}

SCENARIO("a job on actors starts and stops many times", "[actors][executor]") {
  auto job = *weir::testing::stepped_job::make(tight({executor_kind::actors}));
  auto log = std::make_shared<weir::memory_log<int>>(4);
  auto control = std::make_shared<weir::test::sink_control>();
  weir::memory_stream(job.context(), log)
      .count()
      .to(weir::test::to_fake_sink<std::int64_t>(control, {.name = "fake", .blocking = true}));
  for (std::uint32_t i = 0; i < 40; ++i)
    log->append(1, i % 4);
  for (int round = 0; round < 10; ++round) {
    REQUIRE(job.step());
    REQUIRE(job.context().stop(30s, weir::stop_mode::abandon));
  }
  CHECK(control->count("write 40") == 10);
}
