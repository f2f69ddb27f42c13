// update_state_by_key: every key with values or state, once per batch.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <tests/support/jobs.hpp>
#include <tests/support/sparse_source.hpp>
#include <tests/support/stage_driver.hpp>

#include <map>
#include <numeric>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;

namespace {

using pair = std::pair<std::string, int>;
using rows = std::vector<std::vector<pair>>;

/// The running sum of each key; a key whose sum becomes 0 is removed.
constexpr auto add_up = [](std::span<const int> values,
                           std::optional<int> before) -> std::optional<int> {
  const int sum = std::accumulate(values.begin(), values.end(), before.value_or(0));
  return sum == 0 ? std::nullopt : std::optional<int>(sum);
};

/// How often each key was seen without values, in a row.
constexpr auto idle_batches = [](std::span<const int> values,
                                 std::optional<int> before) -> std::optional<int> {
  return values.empty() ? before.value_or(0) + 1 : 0;
};

/// A stage of this operator alone.
template <class Update>
struct driven {
  explicit driven(Update update, weir::state_options<std::string, int> options = {},
                  std::uint32_t partitions = 2)
      : job(*weir::context::make()) {
    weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>())
        .update_state_by_key<int>(update, std::move(options))
        .named("sums")
        .for_each_batch([](const auto&) {});
    stage.emplace(job, "update_state_by_key", partitions);
  }
  std::vector<pair> batch(weir::duration time, std::vector<pair> records) {
    return weir::test::sorted(stage->batch(time, std::move(records)));
  }
  weir::context job;
  std::optional<weir::test::stage_driver<pair, pair>> stage;
};

} // namespace

SCENARIO("update_state_by_key gives the full state after each batch", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::uint32_t partitions = GENERATE(0U, 1U, 5U);
  const std::vector<partitioned<pair>> input = {
      {{{"a", 1}, {"b", 2}, {"a", 3}}, {{"b", 4}, {"c", 5}}}, {{}, {}}, {{{"b", -6}}, {{"a", 1}}}};
  CHECK(rows_of<pair>(how, input,
                      [&](auto in) {
                        return in.template update_state_by_key<int>(add_up,
                                                                    {.partitions = partitions});
                      }) ==
        rows{{{"a", 4}, {"b", 6}, {"c", 5}}, {{"a", 4}, {"b", 6}, {"c", 5}}, {{"a", 5}, {"c", 5}}});
}

SCENARIO("a key without values is updated too", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<pair>(how, {{{{"a", 1}}}, {{}}, {{{"b", 1}}}}, [&](auto in) {
          return in.template update_state_by_key<int>(idle_batches);
        }) == rows{{{"a", 0}}, {{"a", 1}}, {{"a", 2}, {"b", 0}}});
}

SCENARIO("a batch that the parent misses is like an empty one for state", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  const auto log = std::make_shared<weir::memory_log<pair>>(2);
  const auto table = std::make_shared<weir::memory_table<pair>>();
  weir::test::sparse_stream(job->context(), log, {1})
      .update_state_by_key<int>(idle_batches)
      .to(weir::memory_sink(table));
  log->append({"a", 1});
  REQUIRE(job->step());
  log->append({"b", 1}, 1);
  REQUIRE(job->step()); // missing: b is read one batch later
  REQUIRE(job->step());
  const auto batches = table->batches();
  REQUIRE(batches.size() == 3);
  CHECK(weir::test::sorted(batches[0].rows) == std::vector<pair>{{"a", 0}});
  CHECK(weir::test::sorted(batches[1].rows) == std::vector<pair>{{"a", 1}});
  CHECK(weir::test::sorted(batches[2].rows) == std::vector<pair>{{"a", 2}, {"b", 0}});
}

SCENARIO("update_state_by_key with time and key", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto stamp = [](weir::batch_time time, const std::string& key, std::span<const int> values,
                        const std::optional<int>& before) -> std::optional<int> {
    return before.value_or(0) + static_cast<int>(values.size()) * static_cast<int>(key.size()) +
           (time.time_since_epoch() % 1s == 0s ? 0 : 1000);
  };
  CHECK(rows_of<pair>(how, {{{{"aa", 1}, {"aa", 1}, {"b", 1}}}, {{{"b", 1}}}}, [&](auto in) {
          return in.template update_state_by_key<int>(stamp);
        }) == rows{{{"aa", 4}, {"b", 1}}, {{"aa", 4}, {"b", 2}}});
}

SCENARIO("initial state takes part in the first batch, with and without data",
         "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<pair>(how, {{{{"a", 1}, {"c", 3}}}, {{}}}, [](auto in) {
          return in.template update_state_by_key<int>(add_up, {.initial = {{"a", 10}, {"b", 20}}});
        }) == rows{{{"a", 11}, {"b", 20}, {"c", 3}}, {{"a", 11}, {"b", 20}, {"c", 3}}});
  CHECK(rows_of<pair>(how, {{{}}}, [](auto in) {
          return in.template update_state_by_key<int>(idle_batches, {.initial = {{"a", 10}}});
        }) == rows{{{"a", 11}}});
}

SCENARIO("an aborted batch leaves no trace in the state, also after it has ended",
         "[operators][state]") {
  driven job(add_up, {.initial = {{"i", 7}}});
  const bool after_end = GENERATE(false, true);
  auto& stage = *job.stage;
  const auto abort = [&](weir::duration at, std::vector<pair> records) {
    stage.begin(at);
    stage.put(std::move(records));
    if (after_end)
      stage.end();
    stage.abort();
  };
  abort(1s, {{"a", 5}, {"i", -7}}); // the first one, with the initial state
  CHECK(job.batch(1s, {{"a", 1}, {"b", 2}}) == std::vector<pair>{{"a", 1}, {"b", 2}, {"i", 7}});
  abort(2s, {{"a", -1}, {"b", 5}, {"c", 1}, {"i", -7}});
  abort(2s, {{"c", 1}});
  CHECK(job.batch(2s, {{"a", 1}}) == std::vector<pair>{{"a", 2}, {"b", 2}, {"i", 7}});
  CHECK(stage.counts().state_keys == 3);
}

SCENARIO("keys without values for longer than the ttl are forgotten and counted",
         "[operators][state]") {
  driven job(add_up, {.ttl = 2s});
  CHECK(job.batch(1s, {{"a", 1}, {"b", 1}}).size() == 2);
  CHECK(job.batch(2s, {{"b", 1}}).size() == 2);
  CHECK(job.batch(3s, {}).size() == 2); // exactly the ttl is not more than it
  CHECK(job.batch(4s, {{"a", 1}}) == std::vector<pair>{{"a", 1}, {"b", 2}});
  CHECK(job.stage->counts().evicted == 1);
  CHECK(job.batch(5s, {}) == std::vector<pair>{{"a", 1}});
}

SCENARIO("a result larger than the credit passes in pieces", "[operators][state]") {
  driven job(add_up);
  job.stage->blocks_every = GENERATE(0, 2, 3);
  std::vector<pair> many;
  for (int i = 0; i < 50; ++i)
    many.emplace_back(std::to_string(i), i + 1);
  CHECK(job.batch(1s, many).size() == 50);
  CHECK(job.batch(2s, {{"7", -8}}).size() == 49);
}

SCENARIO("update_state_by_key agrees with a model, aborted batches and all", "[operators][state]") {
  rc::prop("any batches", [] {
    driven job(add_up, {}, static_cast<std::uint32_t>(*rc::gen::inRange(1, 4)));
    std::map<std::string, int> model;
    auto time = 0s;
    for (int batches = *rc::gen::inRange(1, 5); batches > 0; --batches) {
      std::vector<pair> records;
      for (int n = *rc::gen::inRange(0, 6); n > 0; --n)
        records.emplace_back(*rc::gen::element<std::string>("a", "b", "c"),
                             *rc::gen::inRange(-1, 2));
      job.stage->begin(time += 1s);
      job.stage->put(records);
      const int fate = *rc::gen::inRange(0, 4);
      if (fate == 0) {
        job.stage->abort();
        continue;
      }
      const auto given = weir::test::sorted(job.stage->end());
      if (fate == 1) {
        job.stage->abort();
        continue;
      }
      std::map<std::string, int> sums;
      for (const auto& [key, value] : records)
        model[key] += value;
      std::erase_if(model, [](const auto& each) { return each.second == 0; });
      RC_ASSERT(given == std::vector<pair>(model.begin(), model.end()));
    }
  });
}
