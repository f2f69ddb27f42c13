// The exact text of print().
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/captured_stdout.hpp>
#include <tests/support/jobs.hpp>

namespace {

/// What a job prints in two batches: these records, then none. The manual clock starts at
/// 1767225600 s.
template <class T, class Build>
std::string printed(const weir::test::partitioned<T>& records, Build build,
                    weir::test::run_mode how = {}) {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<T>>(static_cast<std::uint32_t>(records.size()));
  build(weir::memory_stream(job.context(), log));
  weir::test::append(*log, records);
  weir::test::captured_stdout out;
  const auto first = job.step();
  const auto second = job.step();
  auto text = out.release();
  REQUIRE(first);
  REQUIRE(second);
  return text;
}

} // namespace

SCENARIO("print shows the first records of each batch under its time", "[connectors][console]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CHECK(printed<int>(
            {{1, 2}, {3, 4}}, [](auto in) { in.print(3); }, how) ==
        "-------------------------------------------\n"
        "Time: 1767225601000 ms\n"
        "-------------------------------------------\n"
        "1\n2\n3\n...\n\n"
        "-------------------------------------------\n"
        "Time: 1767225602000 ms\n"
        "-------------------------------------------\n\n");
}

SCENARIO("print shows ten records unless told otherwise, and no dots when that is all",
         "[connectors][console]") {
  CHECK_THAT(printed<int>({{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, [](auto in) { in.print(); }),
             Catch::Contains("9\n10\n\n"));
  CHECK_THAT(printed<int>({{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}, [](auto in) { in.print(); }),
             Catch::Contains("10\n...\n\n"));
  CHECK_THAT(printed<int>({{1}}, [](auto in) { in.print(0); }), Catch::Contains("---\n...\n\n"));
}

SCENARIO("print formats pairs, text and counts", "[connectors][console]") {
  CHECK_THAT(
      printed<std::string>({{"to be", "to be"}}, [](auto in) { in.count_by_value().print(); }),
      Catch::Contains("\n(to be,2)\n\n"));
}
