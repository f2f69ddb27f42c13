// After warm-up weir allocates per block, not per record. A program of its own: it replaces
// operator new.
#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/counted_allocations.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;

namespace {

/// Allocations per record between a batch of 20,000 and one of 100,000, after two batches of
/// warm-up.
template <class In, class Build>
double allocations_per_record(const std::vector<In>& some, Build build,
                              weir::test::run_mode how = {}) {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<In>>(2);
  build(weir::memory_stream(job.context(), log));
  const auto batch_of = [&](std::size_t records) {
    for (std::size_t i = 0; i < records; ++i)
      log->append(some[i % some.size()], i % 2);
    const auto before = weir::test::allocations.load();
    const auto report = job.step();
    const auto made = weir::test::allocations - before;
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
    return static_cast<double>(made);
  };
  (void)batch_of(100'000);
  (void)batch_of(100'000);
  const double few = batch_of(20'000);
  const double many = batch_of(100'000);
  INFO(few << " allocations for 20000 records, " << many << " for 100000");
  CHECK(many < 5'000); // some per block of 1024 and some per batch
  return (many - few) / 80'000;
}

const std::vector<std::string> words = {"a-word-that-is-too-long-for-the-small-buffer-1",
                                        "a-word-that-is-too-long-for-the-small-buffer-2",
                                        "a-word-that-is-too-long-for-the-small-buffer-3", "short"};
const std::vector<std::string_view> views(words.begin(), words.end());

} // namespace

SCENARIO("steps and keyed sums allocate nothing per record", "[operators][allocation]") {
  const double numbers = allocations_per_record<int>({1, 2, 3, 4, 5, 6, 7}, [](auto in) {
    in.map([](int n) { return n * 2; })
        .filter([](int n) { return n != 4; })
        .map([](int n) { return std::pair(n, 1); })
        .reduce_by_key(std::plus<>{})
        .for_each_batch([](const auto&) {});
  });
  CHECK(numbers < 0.02);
  const double text = allocations_per_record<std::string_view>(views, [](auto in) {
    in.filter([](std::string_view w) { return w != "short"; })
        .map([](std::string_view w) { return std::pair(w, std::int64_t{1}); })
        .reduce_by_key(std::plus<>{})
        .for_each_batch([](const auto&) {});
  });
  CHECK(text < 0.02);
}

SCENARIO("views cross shuffles and shared streams without an allocation per record",
         "[operators][allocation]") {
  const double shuffled = allocations_per_record<std::string_view>(views, [](auto in) {
    const auto shared = in.repartition(3).share();
    shared.count().for_each_batch([](const auto&) {});
    shared.filter([](std::string_view w) { return w != "short"; })
        .count()
        .for_each_batch([](const auto&) {});
  });
  CHECK(shuffled < 0.03);
}

SCENARIO("a whole job with a keyed sum allocates nothing per record, whoever runs it",
         "[operators][allocation]") {
  using weir::executor_kind;
  const auto how = GENERATE(
      values<weir::test::run_mode>({{executor_kind::in_line, 1}, {executor_kind::actors, 1}}));
  CAPTURE(how);
  const double text = allocations_per_record<std::string_view>(
      views,
      [](auto in) {
        const auto counted = in.map([](std::string_view w) {
                                 return std::pair(w, std::int64_t{1});
                               }).reduce_by_key(std::plus<>{});
        counted.to(weir::outlet<std::pair<std::string, std::int64_t>>(1000).sink());
      },
      how);
  CHECK(text < 0.02);
}

SCENARIO("look-ups in a table allocate nothing per record", "[operators][allocation]") {
  const weir::static_table<std::string, std::string> names{
      {words[0], "a-name-that-is-too-long-for-the-small-buffer"}, {"short", "brief"}};
  const double looked_up = allocations_per_record<std::string_view>(views, [&](auto in) {
    in.map([](std::string_view w) { return std::pair(w, 1); })
        .left_outer_join_table(names)
        .join_table(names,
                    [](const auto& value, const std::string& name) {
                      return std::pair(value.first, name.size());
                    })
        .for_each_batch([](const auto&) {});
  });
  CHECK(looked_up < 0.02);
}

SCENARIO("duplicates allocate nothing per record", "[operators][allocation][deduplicate]") {
  const auto itself = [](std::string_view w) { return w; };
  const double kept = allocations_per_record<std::string_view>(
      views, [&](auto in) { in.deduplicate(itself).count().for_each_batch([](const auto&) {}); });
  CHECK(kept < 0.02);
  const double timed = allocations_per_record<std::string_view>(views, [&](auto in) {
    in.assign_timestamps([](std::string_view) { return weir::event_time(1h); },
                         {.max_out_of_orderness = 1min})
        .deduplicate(itself) // by key and time
        .count()
        .for_each_batch([](const auto&) {});
  });
  CHECK(timed < 0.02);
}
