// One measurement of weir, or of the raw loop beside it, on a real broker; run.py calls it:
//
// - kafka_bench preload|preload_ads --brokers B --topic T --records N
// - kafka_bench count|word_count|ad_windows --brokers B --topic T --impl weir|raw|raw_one_queue
// --threads N
//   [--budget-mib M]
// - kafka_bench idle_batches|stalled_sink --brokers B --topic T --seconds S [--payload BYTES]
//
// Prints one JSON object. Exit code 1 when the result is wrong, 2 on bad usage.
#include "ads.hpp"
#include "lines.hpp"
#include "raw_loop.hpp"

#include <weir/connectors/codec/json.hpp>
#include <weir/connectors/kafka.hpp>
#include <weir/connectors/kafka/internal/queue_sizes.hpp>
#include <weir/runtime/memory_budget.hpp>
#include <weir/weir.hpp>

#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>
#include <tests/support/kafka/topic_admin.hpp>

#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include <sys/resource.h>

namespace {

using namespace std::chrono_literals;
using namespace weir;
using weir::testing_support::topic_admin;

constexpr std::int32_t partitions = 18;

/// What librdkafka was measured to hold per message beyond the payload; unread data is counted so.
constexpr std::uint64_t message_overhead = 400;

class arguments {
public:
  arguments(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2)
      if (std::string_view(argv[i]).starts_with("--"))
        values_[argv[i] + 2] = argv[i + 1];
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fmt::print(stderr, "kafka_bench: --{} is missing\n", name);
      std::exit(2);
    }
    return found->second;
  }
  [[nodiscard]] std::uint64_t number(const std::string& name) const {
    return std::stoull(text(name));
  }
  /// Of the job, or of the job that the raw loop takes its settings from.
  [[nodiscard]] std::size_t memory_budget() const {
    return (values_.contains("budget-mib") ? number("budget-mib") : 512) << 20;
  }

private:
  std::map<std::string, std::string> values_;
};

[[noreturn]] void fail(std::string_view why) {
  fmt::print(stderr, "kafka_bench: {}\n", why);
  std::exit(1);
}

void check(const expected<void>& done) {
  if (!done)
    fail(done.error().message());
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::uint64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:"))
      return std::stoull(line.substr(6)) * 1024;
  return 0;
}

std::uint64_t records_in(const arguments& args) {
  const auto ends = topic_admin(args.text("brokers")).end_offsets(args.text("topic"));
  return static_cast<std::uint64_t>(std::accumulate(ends.begin(), ends.end(), std::int64_t{0}));
}

/// Keeps the report of the first batch with records and asks the job to stop.
class first_batch final : public listener {
public:
  explicit first_batch(context& ctx) : context_(ctx) {}

  void on_finished(const batch_report& report) override {
    if (report.failure)
      fail(report.failure->message());
    if (report.records == 0 || records != 0)
      return;
    records = report.records;
    seconds = std::chrono::duration<double>(report.processing_time).count();
    context_.request_stop(10s, stop_mode::finish_batch);
  }

  std::uint64_t records = 0;
  double seconds = 0;

private:
  context& context_;
};

/// Fills a new topic; `make(i, text)` makes record i.
template <class Make>
int preload(const arguments& args, Make make) {
  const auto count = args.number("records");
  topic_admin admin(args.text("brokers"));
  admin.create_topic(args.text("topic"), partitions);
  std::uint64_t bytes = 0;
  admin.produce(args.text("topic"), count,
                [&](std::uint64_t i, testing_support::outgoing_record& r) {
                  if (!r.value)
                    r.value.emplace();
                  make(i, *r.value);
                  bytes += r.value->size();
                  r.partition = static_cast<std::int32_t>(i % partitions);
                });
  fmt::print("{{\"records\": {}, \"bytes\": {}}}\n", count, bytes);
  return 0;
}

context_options job_options(std::size_t threads) {
  context_options options;
  options.name = "bench";
  options.batch_interval = 1s;
  options.rate_control.enabled = false;
  options.worker_threads = threads;
  return options;
}

kafka::direct_stream_options reading(const arguments& args, std::size_t consumers) {
  kafka::direct_stream_options options;
  options.brokers = args.text("brokers");
  options.topics = {args.text("topic")};
  options.start = kafka::starting_offsets::earliest();
  options.consumers = static_cast<std::uint32_t>(consumers);
  return options;
}

/// What is done with the records.
enum class work { count, word_count, ad_windows };

/// The raw loop with the client settings that weir chooses under the same budget.
bench::raw_result run_raw(const arguments& args, work what) {
  const auto share = memory_budget::carve(args.memory_budget()).sources;
  const auto sizes = kafka::size_queues(share, partitions);
  if (!sizes)
    fail(sizes.error().message());
  bench::raw_options options;
  options.brokers = args.text("brokers");
  options.topic = args.text("topic");
  options.threads = static_cast<unsigned>(args.number("threads"));
  options.client.min_messages = sizes->min_messages;
  options.client.max_kbytes = sizes->max_kbytes;
  options.client.partition_bytes = sizes->partition_bytes;
  options.client.fetch_bytes = sizes->fetch_bytes;
  options.queue = args.text("impl") == "raw_one_queue" ? bench::raw_queue::consumer
                                                       : bench::raw_queue::partition;
  return what == work::count        ? bench::raw_count(options)
         : what == work::word_count ? bench::raw_word_count(options)
                                    : bench::raw_ad_windows(options);
}

/// What the ad job reads of an event.
struct ad_event {
  std::string_view ad_id;
  std::string_view event_type;
  weir::event_time event_time{};
};
BOOST_DESCRIBE_STRUCT(ad_event, (), (ad_id, event_type, event_time))

/// The campaign of each ad, looked up by view.
using campaign_table =
    boost::unordered_flat_map<std::string, std::int32_t, key_hash<std::string>, std::equal_to<>>;

/// Views by campaign and window, as they stand when the batch ends.
void count_ad_windows(const stream<kafka::record>& events, bench::view_counts& counts) {
  campaign_table campaigns;
  const auto ids = bench::make_ads();
  for (std::size_t ad = 0; ad < ids.size(); ++ad)
    campaigns.emplace(ids[ad], bench::campaign_of(ad));
  events.apply(parse_json<ad_event>({.skip_unknown = true}))
      .filter([](const ad_event& e) { return e.event_type == "view"; })
      .assign_timestamps([](const ad_event& e) { return e.event_time; })
      .map([campaigns = std::move(campaigns)](const ad_event& e) {
        return std::pair(campaigns.find(e.ad_id)->second, 1);
      })
      .tumbling(std::chrono::milliseconds(bench::window_ms))
      .emit(output_mode::update)
      .count_by_key()
      .for_each_batch([&counts](const auto& windows) {
        windows.for_each([&](const auto& one) {
          counts[{one.key, one.window.start.time_since_epoch().count()}] = one.value;
        });
      });
}

/// One batch of the whole topic. Batches start at whole seconds: the job starts early in one, so
/// that the client's queues are full when the clock starts, as they are for the raw loop.
bench::raw_result run_weir(const arguments& args, work what) {
  const auto threads = args.number("threads");
  auto job = job_options(threads);
  job.memory_budget = args.memory_budget();
  auto ctx = context::make(job);
  if (!ctx)
    fail(ctx.error().message());
  bench::raw_result result;
  const auto lines = kafka::direct_stream(*ctx, reading(args, threads));
  if (what == work::ad_windows)
    count_ad_windows(lines, result.views);
  else if (what == work::word_count)
    lines.flat_map([](const kafka::record& r) { return split_words(r.value.value_or("")); })
        .map([](std::string_view word) { return std::pair{word, std::int64_t{1}}; })
        .reduce_by_key(std::plus<>{})
        .for_each_batch([&](const auto& counts) {
          counts.for_each(
              [&](const auto& word) { result.words += static_cast<std::uint64_t>(word.second); });
          result.distinct += counts.size();
        });
  else
    lines.count().for_each_batch([&](const auto& counts) {
      counts.for_each([&](std::int64_t n) { result.records += static_cast<std::uint64_t>(n); });
    });
  const auto batch = std::make_shared<first_batch>(*ctx);
  ctx->add_listener(batch);
  const auto now = std::chrono::system_clock::now();
  std::this_thread::sleep_until(std::chrono::ceil<std::chrono::seconds>(now) + 200ms);
  check(ctx->start());
  check(ctx->await());
  if (what != work::count)
    result.records = batch->records;
  result.seconds = batch->seconds;
  return result;
}

int measure(const arguments& args, work what) {
  const auto there = records_in(args);
  const auto result = args.text("impl") == "weir" ? run_weir(args, what) : run_raw(args, what);
  if (result.records != there)
    fail(fmt::format("{} records of {}", result.records, there));
  if (what == work::word_count &&
      (result.words != there * bench::words_per_line || result.distinct != bench::distinct_words))
    fail(fmt::format("{} words, {} distinct", result.words, result.distinct));
  if (what == work::ad_windows && result.views != bench::expected_views(there))
    fail(fmt::format("the counts of {} campaigns and windows are wrong", result.views.size()));
  fmt::print("{{\"records\": {}, \"seconds\": {:.6f}, \"peak_rss\": {}}}\n", result.records,
             result.seconds, peak_rss_bytes());
  return 0;
}

/// Counts finished batches.
class batch_counter final : public listener {
public:
  void on_finished(const batch_report& report) override {
    if (report.failure)
      fail(report.failure->message());
    ++batches;
  }
  std::atomic<std::uint64_t> batches{0};
};

int idle_batches(const arguments& args) {
  context_options options;
  options.name = "idle";
  options.batch_interval = 10ms;
  auto ctx = context::make(options);
  if (!ctx)
    fail(ctx.error().message());
  auto from_end = reading(args, 0);
  from_end.start = kafka::starting_offsets::latest();
  from_end.group = "idle-batches";
  kafka::direct_stream(*ctx, from_end).count().for_each_batch([](const auto&) {});
  const auto counter = std::make_shared<batch_counter>();
  ctx->add_listener(counter);
  check(ctx->start());
  std::this_thread::sleep_for(3s); // until the group has settled
  const auto batches = counter->batches.load();
  const auto cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(args.number("seconds")));
  const auto wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto used = cpu_seconds() - cpu;
  const auto ran = counter->batches.load() - batches;
  if (auto stopped = ctx->stop(); !stopped)
    fail(stopped.error().message());
  if (double(ran) < wall * 100 * 0.9)
    fail(fmt::format("{} batches in {:.1f} s", ran, wall));
  fmt::print("{{\"cpu_seconds\": {:.6f}, \"wall_seconds\": {:.6f}, \"batches\": {}}}\n", used, wall,
             ran);
  return 0;
}

/// What all replicas of the stalled sink share.
struct gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
  std::atomic<std::uint64_t> delivered{0};

  void let_through() {
    {
      const std::lock_guard lock(mutex);
      open = true;
    }
    opened.notify_all();
  }
};

/// Does not return from `write` until the gate opens, like a database that hangs.
class stalled_sink final : public sink<kafka::record> {
public:
  explicit stalled_sink(std::shared_ptr<gate> g) : gate_(std::move(g)) {}

  expected<progress> write(const sink_block<kafka::record>& in, std::size_t& written) override {
    std::unique_lock lock(gate_->mutex);
    gate_->opened.wait(lock, [this] { return gate_->open; });
    gate_->delivered += in.records.size();
    written = in.records.size();
    return progress::done;
  }

private:
  std::shared_ptr<gate> gate_;
};

int run_stalled_sink(const arguments& args) {
  constexpr std::size_t budget = std::size_t{128} << 20;
  topic_admin admin(args.text("brokers"));
  const auto there = records_in(args);
  auto options = job_options(0);
  options.memory_budget = budget;
  options.trigger =
      trigger::once; // one batch of all there is: nothing but weir limits what is read
  auto ctx = context::make(options);
  if (!ctx)
    fail(ctx.error().message());
  const auto shared = std::make_shared<gate>();
  const auto make = [shared] { return std::make_unique<stalled_sink>(shared); };
  kafka::direct_stream(*ctx, reading(args, 0))
      .to(sink_factory<kafka::record>{
          .traits = {.name = "stalled", .parallel = true, .blocking = true}, .make = make});
  check(ctx->start());
  std::this_thread::sleep_for(std::chrono::seconds(args.number("seconds")));
  const auto stalled_peak = peak_rss_bytes();
  if (shared->delivered != 0)
    fail("the sink did not stall");
  shared->let_through();
  check(ctx->await());
  if (shared->delivered != there)
    fail(fmt::format("{} records delivered of {}", shared->delivered.load(), there));
  const auto bytes_per_record = message_overhead + args.number("payload");
  fmt::print("{{\"budget\": {}, \"stalled_peak_rss\": {}, \"peak_rss\": {}, \"unread\": {}, "
             "\"delivered\": {}}}\n",
             budget, stalled_peak, peak_rss_bytes(), there * bytes_per_record,
             shared->delivered.load());
  return 0;
}

} // namespace

int main(int argc, char** argv) try {
  const std::string verb = argc > 1 ? argv[1] : "";
  const arguments args(argc, argv);
  if (verb == "preload")
    return preload(args, [words = bench::make_words()](std::uint64_t i, std::string& line) {
      bench::make_line(i, words, line);
    });
  if (verb == "preload_ads")
    return preload(args, [ids = bench::make_ads()](std::uint64_t i, std::string& event) {
      bench::make_event(i, ids, event);
    });
  if (verb == "count")
    return measure(args, work::count);
  if (verb == "word_count")
    return measure(args, work::word_count);
  if (verb == "ad_windows")
    return measure(args, work::ad_windows);
  if (verb == "idle_batches")
    return idle_batches(args);
  if (verb == "stalled_sink")
    return run_stalled_sink(args);
  fmt::print(stderr, "usage: kafka_bench "
                     "preload|preload_ads|count|word_count|ad_windows|idle_batches|stalled_sink "
                     "--brokers B --topic T ...\n");
  return 2;
} catch (const std::exception& e) {
  fmt::print(stderr, "kafka_bench: {}\n", e.what());
  return 1;
}
