// Records that are views stay valid through every exchange of blocks, after the bytes they were
// read from are gone.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using std::string_view;
using texts = std::vector<std::string>;
using weir::test::every_mode;

namespace {

/// A word too long for a string to keep inside itself.
std::string word(int n) { return fmt::format("a-word-beyond-the-small-string-buffer-{:03}", n); }

texts words(int from, int until) {
  texts all;
  for (int n = from; n < until; ++n)
    all.push_back(word(n));
  return all;
}

/// Runs `build` on 40 views in two partitions, in blocks of three; their bytes are freed before the
/// results are looked at.
template <class Build>
texts result_of(weir::test::run_mode how, Build build) {
  auto options = weir::test::options_for(how);
  options.block.max_records = 3;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<string_view>>(2);
  auto results = build(weir::memory_stream(job.context(), log));
  auto table = std::make_shared<weir::memory_table<typename decltype(results)::record_type>>();
  results.to(weir::memory_sink(table));
  {
    auto bytes = std::make_unique<texts>(words(0, 40));
    for (std::uint32_t i = 0; i < bytes->size(); ++i)
      log->append((*bytes)[i], i % 2);
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  }
  return weir::test::sorted(table->rows());
}

} // namespace

SCENARIO("views pass steps and shared streams", "[operators][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(result_of(how, [](auto in) {
          return in.filter([](string_view w) { return w.size() > 3; });
        }) == words(0, 40));
  CHECK(result_of(how, [](auto in) {
          return in.map([](string_view w) { return w.substr(0); })
              .share()
              .filter([](string_view) { return true; })
              .share();
        }) == words(0, 40));
  CHECK(result_of(how, [](auto in) {
          return in.flat_map([](string_view w) { return weir::split_words(w); });
        }) == words(0, 40));
}

SCENARIO("views that a step makes of owning records are copied", "[operators][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto rows = result_of(how, [](auto in) {
    return in.map([](string_view w) { return std::string(w) + " " + std::string(w); })
        .flat_map([](const std::string& line) { return weir::split_words(line); })
        .share()
        .filter([n = 0](string_view) mutable { return n++ % 2 == 0; });
  });
  CHECK(rows == words(0, 40));
}

SCENARIO("views pass unions, repartitioning and whole partitions", "[operators][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(result_of(how, [](auto in) { return in.repartition(3); }) == words(0, 40));
  auto twice = words(0, 40);
  for (const auto& each : words(0, 40))
    twice.push_back(each);
  CHECK(result_of(how, [](auto in) { return in.union_with(in.repartition(2)); }) ==
        weir::test::sorted(twice));
  CHECK(result_of(how, [](auto in) {
          return in.map_partitions([](const weir::partition_view<string_view>& one) {
            return std::vector<string_view>(one.begin(), one.end());
          });
        }) == words(0, 40));
}

SCENARIO("keys and values that are views become owning where they are kept", "[operators][views]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto keyed = [](auto in) {
    return in.map([](string_view w) { return std::pair(w, w.substr(w.size() - 3)); });
  };
  CHECK(result_of(how, [&](auto in) {
          return keyed(in)
              .reduce_by_key([](const std::string& a, string_view) { return a; })
              .map([](const std::pair<std::string, std::string>& row) { return row.first; });
        }) == words(0, 40));
  CHECK(result_of(how, [&](auto in) {
          return keyed(in).group_by_key().map(
              [](const std::pair<std::string, std::vector<std::string>>& row) {
                return row.first.substr(0, row.first.size() - 3) + row.second.at(0);
              });
        }) == words(0, 40));
  CHECK(result_of(how, [](auto in) {
          return in.count_by_value().map(
              [](const std::pair<std::string, std::int64_t>& row) { return row.first; });
        }) == words(0, 40));
  CHECK(result_of(how, [](auto in) {
          return in.reduce(
              [](const std::string& a, string_view b) { return std::max(a, std::string(b)); });
        }) == texts{word(39)});
}

SCENARIO("what a batch keeps of views counts the blocks they point into", "[operators][views]") {
  // One short view out of each block of 64 KiB is kept: 80 of them pin more than the 2.9 MB there
  // are.
  auto options = weir::test::options_for();
  options.memory_budget = 8 << 20;
  options.worker_threads = 1;
  options.block.max_bytes = 64 << 10;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<string_view>>();
  weir::memory_stream(job.context(), log)
      .filter([](string_view w) { return w.size() == 1; })
      .for_each_batch([](const weir::batch_view<string_view>&) {});
  const std::string large(65'000, 'x');
  for (int i = 0; i < 80; ++i) {
    log->append("y");
    log->append(large);
  }
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == weir::errc::out_of_budget);
  CHECK_THAT(report->failure->message(), Catch::Contains("'for_each_batch'"));
}
