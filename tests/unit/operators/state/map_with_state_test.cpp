// map_with_state: record by record, with timeouts, limits and snapshots.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <tests/support/jobs.hpp>
#include <tests/support/sparse_source.hpp>
#include <tests/support/stage_driver.hpp>

#include <map>

using namespace std::chrono_literals;
using weir::keyed_state;
using weir::test::every_mode;
using weir::test::partitioned;
using weir::test::rows_of;
using weir::test::sorted;

namespace {

using pair = std::pair<std::string, int>;
using rows = std::vector<std::vector<pair>>;
using options = weir::state_options<std::string, int>;

/// (key, running sum) for each record; (key, -1000 - sum) for a key that times out; a value of 0
/// removes the key.
constexpr auto add_up = [](const std::string& key, const int* value,
                           keyed_state<int>& sum) -> std::optional<pair> {
  if (!value)
    return pair(key, -1000 - sum.get());
  if (*value == 0) {
    if (sum.exists())
      sum.remove();
    return std::nullopt;
  }
  sum.update(sum.get_option().value_or(0) + *value);
  return pair(key, sum.get());
};

template <class Update>
struct driven {
  explicit driven(Update update, options wanted = {}, std::uint32_t partitions = 2)
      : job(*weir::context::make()) {
    auto mapped = weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>())
                      .map_with_state<int>(update, std::move(wanted))
                      .share();
    mapped.for_each_batch([](const auto&) {});
    mapped.state_snapshots().for_each_batch([](const auto&) {});
    stage.emplace(job, "map_with_state", partitions);
  }
  std::vector<pair> batch(weir::duration time, std::vector<pair> records) {
    return stage->batch(time, std::move(records));
  }
  std::vector<pair> snapshot() const { return sorted(stage->side()); }
  weir::context job;
  std::optional<weir::test::stage_driver<pair, pair>> stage;
};

} // namespace

SCENARIO("map_with_state maps each record in order, and keeps state between batches",
         "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::uint32_t partitions = GENERATE(0U, 1U, 5U);
  const std::vector<partitioned<pair>> input = {
      {{{"a", 1}, {"b", 2}, {"a", 3}}}, {{}}, {{{"b", 4}, {"a", 0}, {"a", 7}}}};
  CHECK(rows_of<pair>(how, input, [&](auto in) {
          return in.template map_with_state<int>(add_up, {.partitions = partitions});
        }) == rows{{{"a", 1}, {"a", 4}, {"b", 2}}, {}, {{"a", 7}, {"b", 6}}});
}

SCENARIO("map_with_state on two partitions, with steps behind it", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::vector<partitioned<pair>> input = {{{{"a", 1}}, {{"a", 2}, {"b", 3}}},
                                                {{{"b", 1}}, {{"a", 1}}}};
  const auto last = [](weir::batch_time, const std::string& key, const int* value,
                       keyed_state<int>& state) {
    state.update(state.get_option().value_or(0) + *value);
    return pair(key, 1);
  };
  CHECK(rows_of<pair>(how, input, [&](auto in) {
          return in.template map_with_state<int>(last).reduce_by_key(std::plus<>{});
        }) == rows{{{"a", 2}, {"b", 1}}, {{"a", 1}, {"b", 1}}});
}

SCENARIO("snapshots of all state are a second stream", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  const auto log = std::make_shared<weir::memory_log<pair>>();
  const auto mapped = std::make_shared<weir::memory_table<pair>>();
  const auto state = std::make_shared<weir::memory_table<pair>>();
  auto both = weir::memory_stream(job->context(), log)
                  .map_with_state<int>(add_up, {.initial = {{"i", 9}}})
                  .share();
  both.to(weir::memory_sink(mapped));
  both.state_snapshots().to(weir::memory_sink(state));
  log->append_all({{"a", 1}, {"b", 2}, {"a", 3}});
  REQUIRE(job->step());
  log->append({"b", 0});
  const auto report = job->step();
  REQUIRE(report);
  CHECK(mapped->rows().size() == 3);
  const auto batches = state->batches();
  REQUIRE(batches.size() == 2);
  CHECK(sorted(batches[0].rows) == std::vector<pair>{{"a", 4}, {"b", 2}, {"i", 9}});
  CHECK(sorted(batches[1].rows) == std::vector<pair>{{"a", 4}, {"i", 9}});
  std::uint64_t keys = 0;
  for (const auto& op : report->operators) {
    keys += op.state_keys;
    CHECK((op.state_keys == 0) == (op.state_bytes == 0));
  }
  CHECK(keys == 2);
}

SCENARIO("a chain's snapshots may be taken alone", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<pair>(how, {{{{"a", 1}, {"a", 2}}}, {{}}}, [](auto in) {
          return in.template map_with_state<int>(add_up).state_snapshots();
        }) == rows{{{"a", 3}}, {{"a", 3}}});
}

SCENARIO("a key times out strictly after its timeout, once, and is removed", "[operators][state]") {
  driven job(add_up, {.timeout = 2s}, 1);
  CHECK(job.batch(1s, {{"a", 1}, {"b", 2}}) == std::vector<pair>{{"a", 1}, {"b", 2}});
  CHECK(job.batch(3s, {}).empty()); // exactly the timeout is not more than it
  CHECK(job.batch(4s, {{"b", 1}}) == std::vector<pair>{{"b", 3}, {"a", -1001}});
  CHECK(job.batch(5s, {{"a", 5}}) == std::vector<pair>{{"a", 5}}); // anew
  CHECK(job.batch(6s, {}).empty());
  CHECK(job.batch(60s, {{"b", 1}}) == std::vector<pair>{{"b", 4}, {"a", -1005}}); // b has data
  CHECK(job.snapshot() == std::vector<pair>{{"b", 4}});
}

SCENARIO("a record that only looks keeps its key alive", "[operators][state]") {
  const auto look = [](const std::string& key, const int* value, keyed_state<int>& state) {
    if (value && !state.exists())
      state.update(*value);
    return pair(key, value ? state.get() : -1);
  };
  driven job(look, {.timeout = 2s});
  CHECK(job.batch(1s, {{"a", 1}}) == std::vector<pair>{{"a", 1}});
  CHECK(job.batch(3s, {{"a", 9}}) == std::vector<pair>{{"a", 1}});
  CHECK(job.batch(5s, {}).empty());
  job.stage->abort();
  job.stage->begin(5s);
  job.stage->put({{"a", 9}});
  job.stage->end();
  job.stage->abort(); // the look is undone
  CHECK(job.batch(6s, {}) == std::vector<pair>{{"a", -1}});
}

SCENARIO("timeouts happen in batches that the parent misses, too", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  const auto log = std::make_shared<weir::memory_log<pair>>();
  const auto table = std::make_shared<weir::memory_table<pair>>();
  weir::test::sparse_stream(job->context(), log, {2})
      .map_with_state<int>(add_up, {.timeout = 1s})
      .to(weir::memory_sink(table));
  log->append({"a", 1});
  for (int i = 0; i < 3; ++i)
    REQUIRE(job->step());
  CHECK(table->rows() == std::vector<pair>{{"a", 1}, {"a", -1001}});
  CHECK(table->batches()[1].rows.empty());
}

SCENARIO("limits of time and number evict what was updated longest ago, and count it",
         "[operators][state]") {
  driven old(add_up, {.ttl = 2s});
  old.batch(1s, {{"a", 1}, {"b", 2}});
  old.batch(3s, {{"b", 1}});
  CHECK(old.stage->counts().evicted == 0);
  CHECK(old.batch(4s, {{"a", 5}}) == std::vector<pair>{{"a", 5}}); // its state was gone already
  CHECK(old.stage->counts().evicted == 1);
  CHECK(old.snapshot() == std::vector<pair>{{"a", 5}, {"b", 3}});

  driven many(add_up, {.max_keys = 2}, 1);
  many.batch(1s, {{"a", 1}});
  many.batch(2s, {{"b", 1}});
  many.batch(3s, {{"a", 1}});
  many.batch(4s, {{"c", 1}});
  CHECK(many.stage->counts().evicted == 1);
  CHECK(many.stage->counts().state_keys == 2);
  CHECK(many.snapshot() == std::vector<pair>{{"a", 2}, {"c", 1}});
  many.stage->abort();
  many.batch(4s, {});
  CHECK(many.snapshot() == std::vector<pair>{{"a", 2}, {"b", 1}});
}

SCENARIO("misuse of the state is an error that says what was wrong", "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto message = [&](auto update, weir::duration timeout, int batches) {
    auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
    REQUIRE(job);
    const auto log = std::make_shared<weir::memory_log<pair>>();
    weir::memory_stream(job->context(), log)
        .template map_with_state<int>(update, {.timeout = timeout})
        .for_each_batch([](const auto&) {});
    log->append({"a", 1});
    for (; batches > 1; --batches)
      REQUIRE(job->step());
    const auto report = job->step();
    return report ? report->failure->to_string() : report.error().to_string();
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(message([](const auto&, const int*, keyed_state<int>& s) { return s.get(); }, 0s, 1),
             Contains("'map_with_state'") && Contains("the key has no state"));
  CHECK_THAT(message(
                 [](const auto&, const int*, keyed_state<int>& s) {
                   s.remove();
                   s.update(1);
                   return 1;
                 },
                 0s, 1),
             Contains("update: the state was removed"));
  const auto late = [](const auto&, const int* value, keyed_state<int>& s) {
    if (value)
      s.update(1);
    else
      s.remove();
    return 1;
  };
  CHECK_THAT(message(late, 1s, 3), Contains("remove: the key is timing out"));
}

SCENARIO("a function that throws changes nothing, and its record may be dropped",
         "[operators][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto odd = [](const std::string& key, const int* value, keyed_state<int>& sum) {
    sum.update(sum.get_option().value_or(0) + *value);
    if (*value % 2 == 0)
      throw std::runtime_error("even");
    return pair(key, sum.get());
  };
  CHECK(rows_of<pair>(how, {{{{"a", 1}, {"a", 2}, {"a", 3}}}}, [&](auto in) {
          return in.template map_with_state<int>(odd).on_error(weir::on_error::drop);
        }) == rows{{{"a", 1}, {"a", 4}}});
}

SCENARIO("wrong options are mistakes of the graph", "[operators][state]") {
  auto job = *weir::context::make();
  const auto in = weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>());
  in.map_with_state<int>(add_up, {.ttl = -1s, .partitions = 500}).print();
  in.update_state_by_key<int>([](auto, const auto& s) { return s; }, {.timeout = 1s}).print();
  const auto started = job.start();
  REQUIRE_FALSE(started);
  using Catch::Matchers::Contains;
  CHECK_THAT(started.error().to_string(),
             Contains("timeout and ttl must be 0 (none) or more") && Contains("500") &&
                 Contains("timeout is for map_with_state") && Contains("map_with_state_test.cpp"));
}

SCENARIO("map_with_state agrees with a model, aborted batches and all", "[operators][state]") {
  rc::prop("any batches", [] {
    const auto timeout = std::chrono::seconds(*rc::gen::inRange(0, 4));
    driven job(add_up, {.timeout = timeout}, static_cast<std::uint32_t>(*rc::gen::inRange(1, 4)));
    job.stage->blocks_every = *rc::gen::element(0, 2, 3);
    struct kept {
      int sum;
      std::chrono::seconds updated;
    };
    std::map<std::string, kept> model;
    auto time = 0s;
    for (int batches = *rc::gen::inRange(1, 7); batches > 0; --batches) {
      time += std::chrono::seconds(*rc::gen::inRange(1, 4));
      std::vector<pair> records;
      for (int n = *rc::gen::inRange(0, 6); n > 0; --n)
        records.emplace_back(*rc::gen::element<std::string>("a", "b", "c"),
                             *rc::gen::inRange(0, 3));
      job.stage->begin(time);
      job.stage->put(records);
      const int fate = *rc::gen::inRange(0, 4);
      const auto given = fate == 0 ? std::vector<pair>() : sorted(job.stage->end());
      if (fate < 2) {
        job.stage->abort();
        continue;
      }
      std::vector<pair> wanted;
      for (const auto& [key, value] : records) {
        if (value == 0) {
          model.erase(key);
          continue;
        }
        auto& at = model[key];
        at = {at.sum + value, time};
        wanted.emplace_back(key, at.sum);
      }
      for (auto at = model.begin(); at != model.end();)
        if (timeout > 0s && at->second.updated < time - timeout) {
          wanted.emplace_back(at->first, -1000 - at->second.sum);
          at = model.erase(at);
        } else {
          ++at;
        }
      RC_ASSERT(given == sorted(wanted));
      std::vector<pair> state;
      for (const auto& [key, at] : model)
        state.emplace_back(key, at.sum);
      RC_ASSERT(job.snapshot() == state);
    }
  });
}
