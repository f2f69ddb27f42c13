// State per record: weir's map_with_state, which counts and sums by key, beside a bare table of the
// same type and hash. Prints one JSON object per pair of runs; run.py calls it.
//
//   keyed_state_bench [PAIRS [KEYS]]
#include <weir/runtime/block_builder.hpp>
#include <weir/weir.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace weir;
using stopwatch = std::chrono::steady_clock;
using record = std::pair<std::int64_t, std::int64_t>;

/// What is kept for each key.
struct totals {
  std::int64_t count = 0;
  std::int64_t sum = 0;
};

constexpr std::size_t records = 4'000'000;
constexpr std::int64_t ask = -1; ///< As a value: what is kept for the key is to be given out.

constexpr std::int64_t digest(std::int64_t key, const totals& of) {
  return of.sum ^ (key * of.count);
}
constexpr std::size_t batches = 4; ///< The records pass in batches: each has its own undo.

/// One record for each key, to ask for its totals.
std::vector<block_ptr> make_questions(std::uint64_t keys) {
  std::vector<block_ptr> blocks;
  block_builder<record> filling;
  for (std::uint64_t key = 0; key < keys; ++key) {
    filling.push(record(static_cast<std::int64_t>(key), ask));
    if (filling.full())
      blocks.push_back(filling.build());
  }
  if (!filling.empty())
    blocks.push_back(filling.build());
  return blocks;
}

std::vector<block_ptr> make_blocks(std::uint64_t keys) {
  std::vector<block_ptr> blocks;
  block_builder<record> filling;
  std::uint64_t next = 88172645463325252; // xorshift
  for (std::size_t i = 0; i < records; ++i) {
    next ^= next << 13;
    next ^= next >> 7;
    next ^= next << 17;
    filling.push(record(static_cast<std::int64_t>((next >> 20) % keys), std::int64_t(i)));
    if (filling.full())
      blocks.push_back(filling.build());
  }
  return blocks;
}

/// The loop that one would write by hand.
class by_hand {
public:
  [[gnu::noinline]] void run(const std::vector<block_ptr>& blocks) {
    for (const auto& data : blocks)
      for (const auto& [key, value] : block_cast<record>(*data).records()) {
        auto& at = table_[key];
        ++at.count;
        at.sum += value;
      }
  }
  [[nodiscard]] std::int64_t check() const {
    std::int64_t all = 0;
    for (const auto& [key, at] : table_)
      all += digest(key, at);
    return all;
  }
  [[nodiscard]] double bytes_per_key() const {
    return double(table_.bucket_count() * (sizeof(decltype(table_)::value_type) + 1)) /
           double(table_.size());
  }

private:
  boost::unordered_flat_map<std::int64_t, totals, key_hash<std::int64_t>,
                            detail::key_equal<std::int64_t>>
      table_;
};

/// The stage that a job would run, without a job around it.
class by_weir final : public emitter, public retained_account {
public:
  by_weir() : context_(*context::make()) {
    const auto add = [](const std::int64_t& key, const std::int64_t* value,
                        keyed_state<totals>& state) -> std::optional<std::int64_t> {
      auto now = state.exists() ? state.get() : totals();
      if (*value == ask)
        return digest(key, now);
      ++now.count;
      now.sum += *value;
      state.update(now);
      return std::nullopt;
    };
    memory_stream(context_, std::make_shared<memory_log<record>>())
        .map_with_state<totals>(add)
        .for_each_batch([](const auto&) {});
    for (const auto& n : context_.composed()->graph.nodes())
      if (n.operators.front().kind == "map_with_state") {
        stage_ = n.make_stage();
        environment_.node = n.id;
      }
    environment_.retained = this;
    environment_.log = [](log_level, std::string_view) {};
    batch_.nodes.resize(context_.composed()->graph.nodes().size());
    batch_.nodes[environment_.node.value].input_partitions = 1;
    require(stage_->open(environment_).has_value());
  }
  ~by_weir() override { stage_->close(); }

  [[gnu::noinline]] void run(const std::vector<block_ptr>& blocks) {
    const std::size_t per_batch = (blocks.size() + batches - 1) / batches;
    for (std::size_t first = 0; first < blocks.size(); first += per_batch) {
      batch_.time += std::chrono::seconds(1);
      require(stage_->begin(batch_).has_value());
      for (auto i = first; i < std::min(first + per_batch, blocks.size()); ++i) {
        block_cursor cursor;
        const auto done = stage_->process(0, {blocks[i], partition_id(0)}, cursor, *this);
        require(done && *done == progress::done);
      }
      const auto done = stage_->end({}, *this);
      require(done && *done == progress::done);
    }
  }

  /// The sum of the answers so far.
  [[nodiscard]] std::int64_t check() const { return check_; }
  [[nodiscard]] double bytes_per_key() const {
    const auto counts = stage_->counts();
    return double(counts.state_bytes) / double(counts.state_keys);
  }

  void emit(partition_id, block_ptr data) override {
    for (const auto answer : block_cast<std::int64_t>(*data).records())
      check_ += answer;
  }
  expected<void> take(std::size_t) override { return {}; }
  void give_back(std::size_t) noexcept override {}

private:
  static void require(bool holds) {
    if (!holds) {
      fmt::print(stderr, "keyed_state_bench: the stage failed\n");
      std::exit(1);
    }
  }

  context context_;
  batch batch_;
  replica_context environment_;
  std::unique_ptr<stage> stage_;
  std::int64_t check_ = 0;
};

template <class Run>
double million_records_per_second(Run run) {
  const auto start = stopwatch::now();
  run();
  const std::chrono::duration<double> took = stopwatch::now() - start;
  return double(records) / took.count() / 1e6;
}

} // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 5;
  const std::uint64_t keys = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const auto blocks = make_blocks(keys);
  by_weir job;
  by_hand loop;
  job.run(blocks); // every key is there, every table has its size
  loop.run(blocks);
  const double bytes_after_batch = job.bytes_per_key();
  for (int i = 0; i < pairs; ++i) {
    const auto weirs = million_records_per_second([&] { job.run(blocks); });
    const auto hands = million_records_per_second([&] { loop.run(blocks); });
    fmt::print("{{\"weir\": {:.3f}, \"baseline\": {:.3f}, \"keys\": {}, "
               "\"bytes_per_key\": {:.1f}, \"baseline_bytes_per_key\": {:.1f}}}\n",
               weirs, hands, keys, bytes_after_batch, loop.bytes_per_key());
  }
  job.run(make_questions(keys));
  if (job.check() != loop.check()) {
    fmt::print(stderr, "keyed_state_bench: the totals differ\n");
    return 1;
  }
  return 0;
}
