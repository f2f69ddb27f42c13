#include "raw_loop.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <librdkafka/rdkafka.h>
#include <simdjson.h>

#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <memory>
#include <semaphore>
#include <string_view>
#include <thread>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::bench {

namespace {

using namespace std::chrono_literals;
using stopwatch = std::chrono::steady_clock;

/// How long the clients may fill their queues before the clock starts.
constexpr auto head_start = 700ms;

/// After so many messages the client looks again what to fetch; 500 to 10,000 are equally fast.
constexpr std::size_t messages_per_wake = 2'000;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "raw loop: %s\n", what);
  std::exit(1);
}

struct word_hash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view word) const {
    return XXH3_64bits(word.data(), word.size());
  }
};

struct word_equal {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

using word_table = boost::unordered_flat_map<std::string, std::int64_t, word_hash, word_equal>;

/// Calls `use` for each run of bytes between spaces.
template <class Use>
void for_each_word(std::string_view line, Use use) {
  const char* at = line.data();
  const char* const end = at + line.size();
  const char* word = at;
#if defined(__SSE2__)
  const __m128i spaces = _mm_set1_epi8(' ');
  for (; end - at >= 16; at += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, spaces)));
    for (; hits; hits &= hits - 1) {
      const char* space = at + std::countr_zero(hits);
      if (space != word)
        use(std::string_view(word, space));
      word = space + 1;
    }
  }
#endif
  for (; at != end; ++at)
    if (*at == ' ') {
      if (at != word)
        use(std::string_view(word, at));
      word = at + 1;
    }
  if (word != end)
    use(std::string_view(word, end));
}

struct counter {
  std::uint64_t records = 0, bytes = 0;

  void add(const rd_kafka_message_t& m) {
    ++records;
    bytes += m.len;
  }
  void merge(const counter& other) {
    records += other.records;
    bytes += other.bytes;
  }
};

struct word_counter : counter {
  std::uint64_t words = 0;
  word_table table;

  void add(const rd_kafka_message_t& m) {
    counter::add(m);
    for_each_word({static_cast<const char*>(m.payload), m.len}, [this](std::string_view word) {
      ++words;
      if (const auto known = table.find(word); known != table.end())
        ++known->second;
      else
        table.emplace(word, 1);
    });
  }
  void merge(const word_counter& other) {
    counter::merge(other);
    words += other.words;
    for (const auto& [word, count] : other.table)
      table[word] += count;
  }
};

struct group_hash {
  using is_avalanching = void;
  std::size_t operator()(const std::pair<std::int32_t, std::int64_t>& group) const {
    return mix(static_cast<std::uint64_t>(group.second) ^ static_cast<std::uint64_t>(group.first)
                                                              << 48);
  }
};

struct view_counter : counter {
  simdjson::ondemand::parser parser;
  std::vector<char> padded = std::vector<char>(4096);
  boost::unordered_flat_map<std::string, std::int32_t, word_hash, word_equal> campaign;
  boost::unordered_flat_map<std::pair<std::int32_t, std::int64_t>, std::int64_t, group_hash> views;

  view_counter() {
    const auto ids = make_ads();
    for (std::size_t ad = 0; ad < ids.size(); ++ad)
      campaign.emplace(ids[ad], campaign_of(ad));
  }
  view_counter(view_counter&&) = default;

  void add(const rd_kafka_message_t& m) {
    counter::add(m);
    if (m.len + simdjson::SIMDJSON_PADDING > padded.size())
      give_up("an event is too long");
    std::memcpy(padded.data(), m.payload, m.len);
    simdjson::ondemand::document event;
    std::string_view ad, type;
    std::int64_t time = 0;
    // Fields in the order in which they stand: what lies between them is skipped, not parsed.
    if (parser.iterate(padded.data(), m.len, padded.size()).get(event) ||
        event.find_field("ad_id").get(ad) || event.find_field("event_type").get(type))
      give_up("an event is no JSON");
    if (type != "view")
      return;
    if (event.find_field("event_time").get(time))
      give_up("an event has no time");
    if (const auto known = campaign.find(ad); known != campaign.end())
      ++views[{known->second, time / window_ms * window_ms}];
  }
  void merge(const view_counter& other) {
    counter::merge(other);
    for (const auto& [group, count] : other.views)
      views[group] += count;
  }
};

/// One handle and the thread that reads it.
template <class Work>
class consumer {
public:
  consumer(const raw_options& o, unsigned index) : options_(o), index_(index) { open(); }
  consumer(const consumer&) = delete;
  ~consumer() {
    for (auto* queue : queues_)
      rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(handle_);
    rd_kafka_destroy(handle_);
  }

  /// Asks for the ends of all partitions and begins to fetch its own.
  void assign() {
    const struct rd_kafka_metadata* metadata = nullptr;
    auto* topic = rd_kafka_topic_new(handle_, options_.topic.c_str(), nullptr);
    if (rd_kafka_metadata(handle_, 0, topic, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up("no metadata");
    const int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    ends_.resize(static_cast<std::size_t>(count));
    auto* list = rd_kafka_topic_partition_list_new(count);
    for (auto p = static_cast<int>(index_); p < count; p += static_cast<int>(options_.threads)) {
      auto& end = ends_[static_cast<std::size_t>(p)];
      std::int64_t begin = 0;
      if (rd_kafka_query_watermark_offsets(handle_, options_.topic.c_str(), p, &begin, &end,
                                           10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("no end offsets");
      open_ += end > begin;
      rd_kafka_topic_partition_list_add(list, options_.topic.c_str(), p)->offset = begin;
      if (options_.queue == raw_queue::partition) {
        queues_.push_back(rd_kafka_queue_get_partition(handle_, options_.topic.c_str(), p));
        rd_kafka_queue_forward(queues_.back(), nullptr);
        rd_kafka_queue_cb_event_enable(queues_.back(), on_news, this);
      }
    }
    if (options_.queue == raw_queue::consumer)
      queues_.push_back(rd_kafka_queue_get_consumer(handle_));
    if (rd_kafka_assign(handle_, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up("cannot assign");
    rd_kafka_topic_partition_list_destroy(list);
  }

  /// Reads until every partition is at its end.
  void read() {
    while (open_ > 0) {
      const auto before = taken_;
      for (auto* queue : queues_) {
        rd_kafka_consume_callback_queue(queue, options_.queue == raw_queue::consumer ? 100 : 0,
                                        on_message, this);
        if (taken_ - woken_at_ >= messages_per_wake)
          wake();
      }
      if (taken_ != before || options_.queue == raw_queue::consumer)
        continue;
      if (taken_ != woken_at_)
        wake();
      (void)news_.try_acquire_for(10ms); // an event lost would otherwise be waited for without end
    }
  }

  Work work;

private:
  void open() {
    auto* conf = rd_kafka_conf_new();
    char reason[512];
    const auto set = [&](const char* name, const std::string& value) {
      if (rd_kafka_conf_set(conf, name, value.c_str(), reason, sizeof reason) != RD_KAFKA_CONF_OK)
        give_up(reason);
    };
    const auto shares = options_.queue == raw_queue::consumer ? 18 / options_.threads : 1;
    set("bootstrap.servers", options_.brokers);
    set("group.id", "raw-loop");
    set("enable.auto.commit", "false");
    set("enable.auto.offset.store", "false");
    set("auto.offset.reset", "error");
    set("isolation.level", "read_committed");
    set("socket.nagle.disable", "true");
    set("queued.min.messages", std::to_string(options_.client.min_messages * shares));
    set("queued.max.messages.kbytes", std::to_string(options_.client.max_kbytes * shares));
    set("max.partition.fetch.bytes", std::to_string(options_.client.partition_bytes));
    set("fetch.max.bytes", std::to_string(options_.client.fetch_bytes));
    set("fetch.wait.max.ms", std::to_string(options_.client.fetch_wait_ms));
    handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!handle_)
      give_up(reason);
    rd_kafka_poll_set_consumer(handle_);
  }

  /// librdkafka 2.0.2 may sleep for a second when all its queues are full, and nothing that reads
  /// them wakes it. New credentials do; without SASL they are not used for anything.
  void wake() {
    woken_at_ = taken_;
    rd_kafka_sasl_set_credentials(handle_, "none", "none");
  }

  static void on_message(rd_kafka_message_t* m, void* opaque) {
    auto& self = *static_cast<consumer*>(opaque);
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up(rd_kafka_message_errstr(m));
    ++self.taken_;
    const auto end = self.ends_[static_cast<std::size_t>(m->partition)];
    if (m->offset >= end)
      return;
    self.work.add(*m);
    self.open_ -= m->offset + 1 == end;
  }

  static void on_news(rd_kafka_t*, void* opaque) {
    static_cast<consumer*>(opaque)->news_.release();
  }

  const raw_options& options_;
  unsigned index_;
  rd_kafka_t* handle_ = nullptr;
  std::vector<rd_kafka_queue_t*> queues_;
  std::vector<std::int64_t> ends_;    ///< By partition; of others 0.
  std::size_t open_ = 0;              ///< Partitions that are not at their end.
  std::uint64_t taken_ = 0;           ///< Messages.
  std::uint64_t woken_at_ = 0;        ///< `taken_` when the client was last woken.
  std::counting_semaphore<> news_{0}; ///< Released when an empty partition queue gets messages.
};

template <class Work>
Work run(const raw_options& o, double& seconds) {
  std::vector<std::unique_ptr<consumer<Work>>> consumers;
  for (unsigned i = 0; i < o.threads; ++i)
    consumers.push_back(std::make_unique<consumer<Work>>(o, i));
  for (auto& c : consumers)
    c->assign();
  std::latch go(1);
  stopwatch::time_point start;
  {
    std::vector<std::jthread> threads;
    for (auto& c : consumers)
      threads.emplace_back([&go, &c] {
        go.wait();
        c->read();
      });
    std::this_thread::sleep_for(head_start);
    start = stopwatch::now();
    go.count_down();
  }
  for (unsigned i = 1; i < o.threads; ++i)
    consumers[0]->work.merge(consumers[i]->work);
  seconds = std::chrono::duration<double>(stopwatch::now() - start).count();
  return std::move(consumers[0]->work);
}

} // namespace

raw_result raw_count(const raw_options& options) {
  raw_result result;
  const auto counted = run<counter>(options, result.seconds);
  result.records = counted.records;
  result.bytes = counted.bytes;
  return result;
}

raw_result raw_word_count(const raw_options& options) {
  raw_result result;
  const auto counted = run<word_counter>(options, result.seconds);
  result.records = counted.records;
  result.bytes = counted.bytes;
  result.words = counted.words;
  result.distinct = counted.table.size();
  return result;
}

raw_result raw_ad_windows(const raw_options& options) {
  raw_result result;
  const auto counted = run<view_counter>(options, result.seconds);
  result.records = counted.records;
  result.bytes = counted.bytes;
  result.views.insert(counted.views.begin(), counted.views.end());
  return result;
}

} // namespace weir::bench
