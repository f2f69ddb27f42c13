// Logs in memory as sources, tables in memory as sinks.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;

SCENARIO("a log is read once, batch by batch, with its offsets", "[connectors][memory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>(2);
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log, "numbers").to(weir::memory_sink(table));
  log->append_all({1, 2}, 0);
  log->append(3, 1);
  const auto first = *job.step();
  log->append(4, 1);
  const auto second = *job.step();

  using ranges = std::vector<weir::offset_range>;
  CHECK(first.sources[0].name == "numbers");
  CHECK(first.sources[0].ranges == ranges{{"numbers", 0, 0, 2, 2}, {"numbers", 1, 0, 1, 1}});
  CHECK(first.sources[0].records == 3);
  CHECK(second.sources[0].ranges == ranges{{"numbers", 0, 2, 2, 2}, {"numbers", 1, 1, 2, 2}});
  const auto batches = table->batches();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].time == weir::batch_time(1'767'225'601s));
  CHECK(weir::test::sorted(batches[0].rows) == std::vector{1, 2, 3});
  CHECK(batches[1].rows == std::vector{4});
}

SCENARIO("a log is read from its beginning at each start", "[connectors][memory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log).to(weir::memory_sink(table));
  log->append_all({1, 2});
  REQUIRE(job.step());
  REQUIRE(job.context().stop());
  REQUIRE(job.step());
  CHECK(table->rows() == std::vector{1, 2, 1, 2});
}

SCENARIO("a table holds the rows of complete batches only", "[connectors][memory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  auto table = std::make_shared<weir::memory_table<int>>();
  weir::memory_stream(job.context(), log)
      .map([](int n) { return n < 0 ? throw std::runtime_error("negative") : n; })
      .to(weir::memory_sink(table));
  log->append(1);
  REQUIRE(job.step());
  log->append_all({2, -1});
  REQUIRE(job.step()->failure);
  CHECK(table->rows() == std::vector{1});
}

SCENARIO("a memory stream without a log and a memory sink without a table are refused",
         "[connectors][memory]") {
  GIVEN("no log") {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    weir::memory_stream(job.context(), std::shared_ptr<weir::memory_log<int>>())
        .to(weir::memory_sink(std::make_shared<weir::memory_table<int>>()));
    const auto started = job.context().start();
    REQUIRE(!started);
    CHECK(started.error().to_string().find("given no log") != std::string::npos);
  }
  GIVEN("no table") {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    weir::memory_stream(job.context(), std::make_shared<weir::memory_log<int>>())
        .to(weir::memory_sink(std::shared_ptr<weir::memory_table<int>>()));
    const auto started = job.context().start();
    REQUIRE(!started);
    CHECK(started.error().to_string().find("given no table") != std::string::npos);
  }
}

SCENARIO("views that are read from a log are copied into the block", "[connectors][memory]") {
  auto log = std::make_shared<weir::memory_log<std::string_view>>();
  std::string bytes = "some characters beyond the small buffer";
  log->append(bytes);
  weir::block_builder<std::string_view> builder;
  CHECK(log->read(0, 0, 1, builder) == 1);
  const auto built = builder.build();
  bytes.assign(bytes.size(), 'x');
  CHECK(weir::block_cast<std::string_view>(*built).records()[0] ==
        "some characters beyond the small buffer");
}
