// Keyed state in a RocksDB directory: as a store, below operators, and against state in memory.
#include <weir/connectors/rocksdb.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <tests/support/jobs.hpp>
#include <tests/support/scratch_directory.hpp>
#include <tests/support/stage_driver.hpp>

#include <map>

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using weir::keyed_state;
using weir::test::every_mode;
using weir::test::sorted;

namespace {

using pair = std::pair<std::string, int>;
using contents = std::map<std::string, std::string>;

std::shared_ptr<weir::state_backend> backend_in(const weir::test::scratch_directory& at) {
  return weir::rocksdb::state_in({.directory = at.path()});
}

contents all_of(weir::state_store& store, std::uint32_t first = 0,
                std::uint32_t until = weir::key_groups) {
  contents found;
  const auto at = store.scan(first, until);
  for (auto more = at->next(); more.value(); more = at->next())
    found.emplace(at->key(), at->value());
  return found;
}

/// Running sums; a value of 0 removes the key, none times it out.
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

/// A stage of map_with_state, and what else it gives.
struct driven {
  explicit driven(weir::state_options<std::string, int> options, const std::string& name = "sums",
                  std::uint32_t partitions = 2)
      : job(*weir::context::make()) {
    auto mapped = weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>())
                      .map_with_state<int>(add_up, std::move(options))
                      .named(name)
                      .share();
    mapped.for_each_batch([](const auto&) {});
    mapped.state_snapshots().for_each_batch([](const auto&) {});
    stage.emplace(job, "map_with_state", partitions);
  }
  std::vector<pair> snapshot() const { return sorted(stage->side()); }
  weir::context job;
  std::optional<weir::test::stage_driver<pair, pair>> stage;
};

} // namespace

SCENARIO("a store has what was adopted, by group and key", "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  const auto backend = backend_in(at);
  {
    const auto store = *backend->open("one", 0);
    const auto other = *backend->open("on", 0); // shares no prefix with "one"
    const std::string zero("a\0b", 3);
    store->put(0, "first", "1");
    store->put(127, zero, "2");
    other->put(0, "e", "3");
    std::string value;
    REQUIRE(store->prepare("note"));
    REQUIRE(other->prepare("note"));
    CHECK_FALSE(*store->get(0, "first", value)); // not adopted
    CHECK(all_of(*store).empty());
    REQUIRE(store->adopt());
    REQUIRE(other->adopt());
    CHECK(*store->get(127, zero, value));
    CHECK(value == "2");
    CHECK_FALSE(*store->get(126, zero, value));
    CHECK(all_of(*store) == contents{{"first", "1"}, {zero, "2"}});
    CHECK(all_of(*store, 1, 127).empty());
    CHECK(all_of(*store, 127, 128) == contents{{zero, "2"}});
    CHECK(all_of(*other) == contents{{"e", "3"}});
    store->put(5, "", "lost");
    REQUIRE(store->prepare("note"));
    REQUIRE(store->discard());
    store->erase(0, "first");
    store->put(5, "", "4");
    REQUIRE(store->prepare("note"));
    REQUIRE(store->adopt());
  }
  CHECK(all_of(**backend->open("one", 0)) ==
        contents{{std::string("a\0b", 3), "2"}, {"", "4"}}); // opened anew
}

SCENARIO("what was prepared when a process died is decided by the next, once for all replicas",
         "[rocksdb][state]") {
  const bool counts = GENERATE(true, false);
  const weir::test::scratch_directory at;
  const auto backend = backend_in(at);
  for (std::uint32_t replica = 0; replica < 3; ++replica) { // the last changes nothing
    const auto store = *backend->open("sums", replica);
    if (replica == 0) {
      store->put(0, "kept", "0");
      REQUIRE(store->prepare("epoch 1"));
      REQUIRE(store->adopt());
    }
    if (replica < 2)
      store->put(replica, "key " + std::to_string(replica), "new");
    REQUIRE(store->prepare("epoch 2"));
  }
  const auto first = *backend->open("sums", 0);
  const auto second = *backend->open("sums", 1);
  std::vector<std::string> notes;
  const auto decide = [&](std::string_view note) -> weir::expected<bool> {
    notes.emplace_back(note);
    return counts;
  };
  WHEN("it cannot be decided") {
    const auto refused = first->recover(
        [](std::string_view) { return weir::error(weir::errc::invalid_state, "who knows"); });
    CHECK_FALSE(refused);
    THEN("nothing has changed, and it can be asked again") {
      CHECK(all_of(*first).size() == 1);
      REQUIRE(first->recover(decide));
      CHECK(notes.size() == 2);
    }
  }
  WHEN("it is decided") {
    REQUIRE(first->recover(decide));
    first->put(7, "key", "newer");
    REQUIRE(first->prepare("epoch 3"));
    REQUIRE(second->recover(decide)); // nothing is left for it, nor is it asked of what is new
    CHECK(notes == std::vector<std::string>{"epoch 2", "epoch 2"});
    CHECK(all_of(*second).size() == (counts ? 3U : 1U));
    REQUIRE(first->adopt());
    CHECK(all_of(*second, 7, 8) == contents{{"key", "newer"}});
  }
}

SCENARIO("a directory in use is refused by name", "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  const auto first = backend_in(at);
  const auto store = *first->open("one", 0);
  const auto second = backend_in(at)->open("one", 0);
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == weir::errc::io);
  CHECK_THAT(second.error().message(),
             Contains(at.text()) && Contains("another process or context uses it"));
}

SCENARIO("state in a directory outlives the context", "[rocksdb][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const weir::test::scratch_directory at;
  const auto run = [&](std::vector<pair> records) {
    auto options = weir::test::options_for(how);
    options.state = backend_in(at);
    auto job = weir::testing::stepped_job::make(std::move(options));
    REQUIRE(job);
    const auto log = std::make_shared<weir::memory_log<pair>>();
    const auto table = std::make_shared<weir::memory_table<pair>>();
    weir::memory_stream(job->context(), log)
        .map_with_state<int>(add_up, {.initial = {{"a", 100}, {"i", 1}}})
        .named("sums")
        .to(weir::memory_sink(table));
    for (auto& record : records) {
      log->append(record);
      const auto report = job->step();
      INFO((report ? "" : report.error().to_string()));
      REQUIRE(report);
    }
    REQUIRE(job->context().stop());
    return table->rows();
  };
  CHECK(run({{"a", 1}, {"b", 5}, {"a", 1}}) == std::vector<pair>{{"a", 101}, {"b", 5}, {"a", 102}});
  CHECK(run({{"a", 1}, {"i", 0}}) == std::vector<pair>{{"a", 103}});
  CHECK(run({{"b", 1}, {"i", 2}}) == std::vector<pair>{{"b", 6}, {"i", 2}}); // nothing is seeded
}

SCENARIO("an operator without a name has no place in a directory", "[rocksdb][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const weir::test::scratch_directory at;
  auto job = weir::testing::stepped_job::make(weir::test::options_for(how));
  REQUIRE(job);
  weir::memory_stream(job->context(), std::make_shared<weir::memory_log<pair>>())
      .map_with_state<int>(add_up, {.store = backend_in(at)})
      .for_each_batch([](const auto&) {});
  const auto report = job->step();
  REQUIRE_FALSE(report);
  CHECK_THAT(report.error().to_string(), Contains("map_with_state") && Contains(".named("));
}

namespace {
class no_codec {
  int value_ = 0; // private, so it is no aggregate

public:
  [[nodiscard]] int value() const { return value_; }
};
} // namespace
template <>
struct weir::record_traits<no_codec> : weir::owning_record_traits<no_codec> {};

SCENARIO("state without a codec has no place in a directory", "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  auto job = *weir::context::make({.state = backend_in(at)});
  weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>())
      .map_with_state<std::vector<no_codec>>([](const auto&, const int*, const auto&) { return 1; })
      .print();
  const auto started = job.start();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(), Contains("no weir::codec"));
}

SCENARIO("the number of partitions may change between runs", "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  const auto backend = backend_in(at);
  std::vector<pair> records;
  for (int i = 0; i < 100; ++i)
    records.emplace_back(std::to_string(i), i + 1);
  for (const std::uint32_t partitions : {2U, 5U, 128U, 1U}) {
    driven job({.timeout = 10s, .store = backend}, "sums", partitions);
    if (partitions == 2)
      CHECK(job.stage->batch(1s, records).size() == 100);
    else
      CHECK(job.stage->batch(2s, {}).empty());
    CHECK(job.snapshot() == sorted(records));
    CHECK(job.stage->counts().state_keys == 100);
  }
  driven last({.timeout = 10s, .store = backend});
  CHECK(last.stage->batch(12s, {}).size() == 100); // the times of updates are kept too
}

SCENARIO("state in a directory and in memory cannot be told apart", "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  const auto backend = backend_in(at);
  const auto keeps_open = *backend->open("none", 0);
  int run = 0;
  rc::prop("any batches, aborts and limits", [&] {
    weir::state_options<std::string, int> options{
        .timeout = std::chrono::seconds(*rc::gen::element(0, 0, 2, 3)),
        .ttl = std::chrono::seconds(*rc::gen::element(0, 0, 2)),
        .initial = {{"i", 7}}};
    const auto partitions = static_cast<std::uint32_t>(*rc::gen::inRange(1, 3));
    driven memory(options, "sums", partitions);
    options.store = backend;
    const auto name = std::to_string(run++);
    std::optional<driven> disk(std::in_place, options, name, partitions);
    auto time = 0s;
    for (int batches = *rc::gen::inRange(1, 7); batches > 0; --batches) {
      time += std::chrono::seconds(*rc::gen::inRange(1, 4));
      std::vector<pair> records;
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n)
        records.emplace_back(*rc::gen::element<std::string>("a", "b", "c", "i"),
                             *rc::gen::inRange(0, 3));
      const int fate = *rc::gen::inRange(0, 6);
      std::vector<pair> given[2];
      int i = 0;
      for (auto* each : {&*memory.stage, &*disk->stage}) {
        each->begin(time);
        each->put(records);
        if (fate > 0)
          given[i++] = sorted(each->end());
        if (fate <= 1)
          each->abort();
      }
      RC_ASSERT(given[0] == given[1]);
      RC_ASSERT(memory.snapshot() == disk->snapshot());
      RC_ASSERT(memory.stage->counts().evicted == disk->stage->counts().evicted);
      RC_ASSERT(memory.stage->counts().state_keys == disk->stage->counts().state_keys);
      if (fate == 5 && !memory.snapshot().empty()) // a restart; without state it would be seeded
        disk.emplace(options, name, partitions);
    }
  });
}

SCENARIO("state in a directory equals the positions, at whatever step the process dies",
         "[rocksdb][state]") {
  const weir::test::scratch_directory at;
  const auto backend = backend_in(at);
  const auto keeps_open = *backend->open("none", 0);
  int run = 0;
  rc::prop("any batches and deaths", [&] {
    const auto name = std::to_string(run++);
    const weir::state_options<std::string, int> options{.timeout = 1000s, .store = backend};
    std::map<std::string, int> sums;
    std::int64_t position = 0;
    auto partitions = static_cast<std::uint32_t>(*rc::gen::inRange(1, 4));
    std::optional<driven> job(std::in_place, options, name, partitions);
    auto time = 0s;
    for (int batches = *rc::gen::inRange(1, 10); batches > 0; --batches) {
      enum class ending { complete, aborted, dies_before_end, dies_prepared, dies_committed };
      const auto fate =
          *rc::gen::element(ending::complete, ending::complete, ending::aborted,
                            ending::dies_before_end, ending::dies_prepared, ending::dies_committed);
      std::vector<pair> records;
      for (int n = *rc::gen::inRange(0, 5); n > 0; --n)
        records.emplace_back(*rc::gen::element<std::string>("a", "b", "c"),
                             *rc::gen::inRange(1, 9));
      const auto until = position + static_cast<std::int64_t>(records.size());
      job->stage->reads(position, until);
      job->stage->begin(time += 1s);
      job->stage->put(records);
      if (fate != ending::dies_before_end)
        (void)job->stage->end();
      if (fate == ending::complete || fate == ending::dies_committed) {
        position = until;
        for (const auto& [key, value] : records)
          sums[key] += value;
      }
      if (fate == ending::aborted)
        job->stage->abort();
      if (fate > ending::aborted) {
        job->stage->kill();
        partitions = static_cast<std::uint32_t>(*rc::gen::inRange(1, 4));
        job.emplace(options, name, partitions);
      }
      job->stage->reads(position, position);
      RC_ASSERT(job->stage->batch(time += 1s, {}).empty());
      RC_ASSERT(job->snapshot() == std::vector<pair>(sums.begin(), sums.end()));
    }
  });
}
