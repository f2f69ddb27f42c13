// Keyed state in a directory and offsets on a real broker, killed at any moment, again and again:
// in the end each record has been counted once.
#include "kafka_jobs.hpp"

#include <weir/connectors/rocksdb.hpp>
#include <weir/weir.hpp>

#include <tests/support/child_process.hpp>
#include <tests/support/scratch_directory.hpp>

#include <cstdlib>
#include <map>
#include <random>

using namespace weir;
using namespace weir::kafka;
using testing_support::outgoing_record;

namespace {

using counts = std::map<std::string, std::int64_t>;

/// What the directory says, read while nobody uses it. A value: the time of its last update, then
/// the state.
counts counts_in(const test::scratch_directory& at) {
  const auto backend = rocksdb::state_in({.directory = at.path()});
  const auto store = *backend->open("counts", 0);
  counts found;
  const auto each = store->scan(0, key_groups);
  for (auto more = each->next(); more.value(); more = each->next()) {
    auto key = each->key();
    auto value = each->value();
    (void)*codec<std::int64_t>::decode(value);
    found[*codec<std::string>::decode(key)] = *codec<std::int64_t>::decode(value);
  }
  return found;
}

} // namespace

SCENARIO("state in a directory equals its offsets, whenever the process is killed",
         "[connectors][kafka][state]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  constexpr std::uint64_t records = 92'000;
  constexpr std::int32_t partitions = 3;
  const char* asked = std::getenv("WEIR_KILLS"); // NOLINT(concurrency-mt-unsafe)
  const int kills = asked ? std::atoi(asked) : 8;
  const auto value_of = [](std::uint64_t i) { return std::to_string(i * 7919 % 997); };
  auto admin = broker->admin();
  const auto topic = fresh_name("updates");
  admin.create_topic(topic, partitions);
  admin.produce(topic, records, [&](std::uint64_t i, outgoing_record& r) {
    r.value = value_of(i);
    r.partition = static_cast<std::int32_t>(i % partitions);
  });
  counts expected;
  for (std::uint64_t i = 0; i < records; ++i)
    ++expected[value_of(i)];

  const test::scratch_directory dir;
  const auto group = fresh_name("g");
  const std::vector<std::string> words = {broker->bootstrap(), topic, group, dir.text()};
  const auto start = [&](const std::string& rate) {
    auto all = words;
    all.push_back(rate);
    return test::child_process(WEIR_STATE_WORKER, all);
  };
  const auto seed = std::random_device{}();
  std::mt19937 chance(seed);
  INFO("seed " << seed);
  const auto rate = std::to_string(records / static_cast<std::uint64_t>(kills));
  for (int life = 0; life < kills; ++life) {
    auto one = start(rate);
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + chance() % 900));
    (void)one.end(SIGKILL);
  }
  std::int64_t before = 0;
  for (const auto& offset : admin.committed_offsets(group, topic))
    before += offset.value_or(0);
  CHECK(before > 0); // they were killed at work
  CHECK(before < static_cast<std::int64_t>(records));
  auto last = start("0");
  REQUIRE(last.wait(60s) == 0);
  const auto found = counts_in(dir);
  std::int64_t lost = 0;
  std::int64_t doubled = 0;
  for (const auto& [key, count] : expected) {
    const auto at = found.find(key);
    const auto off = count - (at == found.end() ? 0 : at->second);
    (off > 0 ? lost : doubled) += std::abs(off);
  }
  WARN(kills << " kills: " << lost << " of " << records << " updates gone, " << doubled
             << " counted twice");
  CHECK(lost == 0);
  CHECK(doubled == 0);
  CHECK(found == expected);
}
