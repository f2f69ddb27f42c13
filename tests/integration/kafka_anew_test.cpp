// A topic that is deleted and made anew under a running stream.
#include "kafka_jobs.hpp"

#include <weir/weir.hpp>

#include <atomic>
#include <thread>

using namespace weir;
using namespace weir::kafka;
using Catch::Matchers::Contains;
using testing_support::outgoing_record;
using testing_support::topic_admin;

namespace {

/// The topic goes, and comes back with `count` other records.
void make_anew(topic_admin& admin, const std::string& topic, int count,
               std::chrono::milliseconds away = 0ms) {
  if (admin.partition_count(topic) > 0)
    admin.delete_topic(topic);
  std::this_thread::sleep_for(away);
  admin.create_topic(topic, 1);
  if (count > 0)
    admin.produce(topic, numbers(1'000, count));
}

/// Values of the new topic, in the order they were kept.
std::vector<std::string> new_ones(const job& stream) {
  auto values = values_of(stream.records);
  std::erase_if(values, [](const std::string& value) { return std::stoi(value) < 1'000; });
  return values;
}

/// Runs batches until the stream has failed or kept `count` records of the new topic.
void run_on(job& stream, std::size_t count, std::chrono::seconds limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (new_ones(stream).size() < count && !stream.failure() &&
         std::chrono::steady_clock::now() < end) {
    if (auto done = stream.run_batch(); !done)
      stream.fail(std::move(done).error());
    std::this_thread::sleep_for(10ms);
  }
}

struct how {
  bool grouped;
  int first; ///< Records that are read before.
  int then;  ///< Records of the new topic.
  std::chrono::milliseconds away{0};
};

direct_stream_options options_for(const how& to, const testing_support::real_broker& broker,
                                  const std::string& topic, data_loss policy) {
  auto options = reading(broker, topic);
  options.on_data_loss = policy;
  options.discovery_interval = 1s;
  if (to.grouped) {
    options.group = fresh_name("g");
    options.properties = {{"heartbeat.interval.ms", "200"}};
  }
  return options;
}

const std::vector<how> ways_to_read = {
    {false, 7, 3}, {false, 7, 12, 1'200ms}, {true, 50, 50}, {true, 7, 12}};
const std::vector<how> ways = {{false, 7, 3},  {false, 7, 12}, {false, 7, 12, 1'200ms},
                               {true, 50, 50}, {true, 7, 12},  {true, 7, 12, 1'200ms}};

} // namespace

TEST_CASE("a topic made anew ends a job that may lose nothing", "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const auto& to : ways) {
    const auto topic = fresh_name("anew");
    CAPTURE(to.grouped, to.first, to.then, to.away.count());
    admin.create_topic(topic, 1);
    admin.produce(topic, numbers(0, to.first));
    job stream(make_source(options_for(to, *broker, topic, data_loss::fail)));
    start(stream);
    REQUIRE(stream.run_until(static_cast<std::size_t>(to.first)));
    make_anew(admin, topic, to.then, to.away);
    run_on(stream, 1);
    CHECK(new_ones(stream).empty());
    REQUIRE(stream.failure());
    CHECK(stream.failure()->code() == errc::offset_out_of_range);
    CHECK_THAT(stream.failure()->message(), Contains(topic) && Contains("made anew"));
    const auto before = std::chrono::steady_clock::now();
    CHECK(outcome_of(stream.close()) == "ok");
    CHECK(std::chrono::steady_clock::now() - before < 3s);
  }
}

TEST_CASE("a topic made anew is read from its beginning where gaps are allowed",
          "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const auto& to : ways_to_read) {
    const auto topic = fresh_name("anew");
    CAPTURE(to.grouped, to.first, to.then, to.away.count());
    admin.create_topic(topic, 1);
    admin.produce(topic, numbers(0, to.first));
    job stream(make_source(options_for(to, *broker, topic, data_loss::earliest)));
    start(stream);
    REQUIRE(stream.run_until(static_cast<std::size_t>(to.first)));
    make_anew(admin, topic, to.then, to.away);
    run_on(stream, static_cast<std::size_t>(to.then));
    CHECK_FALSE(stream.failure());
    auto seen = new_ones(stream);
    std::ranges::sort(seen);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    CHECK(seen == numbers(1'000, to.then));
    CHECK_THAT(stream.log_text(), Contains("made anew"));
    const auto before = std::chrono::steady_clock::now();
    CHECK(outcome_of(stream.close()) == "ok");
    CHECK(std::chrono::steady_clock::now() - before < 3s);
  }
}

TEST_CASE("a topic made anew is noticed before anything of it was read",
          "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const bool grouped : {false, true}) {
    CAPTURE(grouped);
    const auto topic = fresh_name("anew");
    admin.create_topic(topic, 1);
    admin.produce(topic, numbers(0, 5));
    auto options = options_for({grouped, 5, 12}, *broker, topic, data_loss::earliest);
    options.start = starting_offsets::latest();
    job stream(make_source(options));
    start(stream);
    REQUIRE(outcome_of(stream.run_batch()) == "ok");
    make_anew(admin, topic, 12);
    run_on(stream, 12);
    auto seen = new_ones(stream);
    std::ranges::sort(seen);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    CHECK(seen == numbers(1'000, 12));
    CHECK_THAT(stream.log_text(), Contains("made anew"));
  }
}

TEST_CASE("a topic that stays is not taken for another", "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  const auto topic = fresh_name("stays");
  admin.create_topic(topic, 1);
  auto options = options_for({}, *broker, topic, data_loss::fail);
  options.properties = {{"topic.metadata.refresh.fast.interval.ms", "100"}};
  options.start = starting_offsets::latest();
  job stream(make_source(options));
  start(stream);
  int written = 0;
  for (int round = 0; round < 6; ++round) { // metadata answers come each second
    admin.produce(topic, numbers(written, 20));
    written += 20;
    REQUIRE(stream.run_until(static_cast<std::size_t>(written)));
    if (round == 2)
      admin.delete_records(topic, 0, written - 5);
    if (round == 4)
      admin.delete_records(topic, 0, written); // also the last record that was read
    admin.produce(
        topic, 3, [](std::uint64_t i, outgoing_record& r) { r.value = "-" + std::to_string(i); },
        {.transactional_id = fresh_name("tx"), .end = testing_support::transaction_end::abort});
    (void)stream.turn_until([] { return false; }, 400ms);
  }
  REQUIRE(outcome_of(stream.run_batch()) == "ok");
  CHECK_FALSE(stream.failure());
  CHECK(values_of(stream.records) == numbers(0, written));
}

namespace {

/// Counts the records of complete batches, which are committed by the time it hears of them.
class complete_records final : public listener {
public:
  void on_finished(const batch_report& report) override {
    if (!report.failure)
      count += report.records;
  }
  std::atomic<std::uint64_t> count{0};
};

} // namespace

TEST_CASE("a whole job hears of a topic made anew and ends soon", "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const bool grouped : {false, true}) {
    CAPTURE(grouped);
    const auto topic = fresh_name("anew");
    admin.create_topic(topic, 1);
    auto ctx = context::make({.name = "anew", .batch_interval = 300ms, .worker_threads = 1});
    REQUIRE(ctx);
    auto options = options_for({grouped, 7, 12}, *broker, topic, data_loss::fail);
    const auto complete = std::make_shared<complete_records>();
    ctx->add_listener(complete);
    direct_stream(*ctx, options)
        .map([](const record& r) { return r.offset; })
        .for_each_batch([](const auto&) {});
    REQUIRE(ctx->start());
    admin.produce(topic, numbers(0, 7));
    for (int i = 0; i < 1'000 && complete->count < 7; ++i)
      std::this_thread::sleep_for(10ms);
    REQUIRE(complete->count == 7);
    make_anew(admin, topic, 12);
    const auto ended = ctx->await_for(20s);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code() == errc::offset_out_of_range);
    CHECK_THAT(ended.error().to_string(), Contains("made anew"));
    const auto before = std::chrono::steady_clock::now();
    (void)ctx->stop(1s);
    CHECK(std::chrono::steady_clock::now() - before < 3s);
  }
}

TEST_CASE("a stream ends soon whose topic is gone, or another",
          "[connectors][kafka][anew][close]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  struct how {
    bool grouped;
    bool comes_back;
    std::chrono::milliseconds noticed; ///< A group's member hears of it within a second.
  };
  for (const auto& [grouped, comes_back, noticed] :
       std::vector<how>{{true, true, 0ms}, {true, false, 1'500ms}}) {
    CAPTURE(grouped, comes_back, noticed.count());
    const auto topic = fresh_name("gone");
    admin.create_topic(topic, 2);
    direct_stream_options options{
        .brokers = broker->bootstrap(), .topics = {topic}, .discovery_interval = 1s};
    if (grouped)
      options.group = fresh_name("g");
    job stream(make_source(options));
    start(stream);
    admin.produce(topic, numbers(0, 12));
    REQUIRE(stream.run_until(12));
    admin.delete_topic(topic);
    if (comes_back)
      make_anew(admin, topic, 12);
    const auto until = std::chrono::steady_clock::now() + noticed;
    while (std::chrono::steady_clock::now() < until)
      (void)stream.run_batch({}, job::fate::complete, 300ms);
    const auto before = std::chrono::steady_clock::now();
    (void)stream.close(10s);
    CHECK(std::chrono::steady_clock::now() - before < 3s);
  }
}

TEST_CASE("a topic that is deleted does not hold up the others", "[connectors][kafka][anew]") {
  const auto* broker = require_broker();
  if (!broker)
    return;
  auto admin = broker->admin();
  for (const auto trigger : {trigger::every, trigger::continuous})
    for (const bool assigned : {false, true}) {
      CAPTURE(static_cast<int>(trigger), assigned);
      const auto gone = fresh_name("gone");
      const auto stays = fresh_name("stays");
      admin.create_topic(gone, 1);
      admin.create_topic(stays, 1);
      admin.produce(gone, numbers(0, 7));
      admin.produce(stays, numbers(0, 7));
      direct_stream_options options{.brokers = broker->bootstrap(),
                                    .start = starting_offsets::earliest(),
                                    .discovery_interval = 1s};
      if (assigned) {
        options.assign = {{.topic = gone}, {.topic = stays}};
        options.group = fresh_name("g");
      } else {
        options.topics = {gone, stays};
      }
      auto ctx = context::make(
          {.name = "gone", .batch_interval = 200ms, .trigger = trigger, .worker_threads = 1});
      REQUIRE(ctx);
      std::atomic<int> seen = 0;
      direct_stream(*ctx, options)
          .map([&](const record& r) { return ++seen, r.offset; })
          .for_each_batch([](const auto&) {});
      REQUIRE(ctx->start());
      const auto reads = [&](int records) {
        for (int i = 0; i < 1'500 && seen < records; ++i)
          std::this_thread::sleep_for(10ms);
        return seen >= records;
      };
      REQUIRE(reads(14));
      admin.delete_topic(gone);
      for (int i = 0; i < 6; ++i) { // while it is looked for again and again
        admin.produce(stays, numbers(7 + 10 * i, 10));
        CHECK(reads(14 + 10 * (i + 1)));
      }
      CHECK(ctx->stop(5s));
    }
}
