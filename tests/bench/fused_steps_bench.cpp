// Three trivial steps over blocks in memory, summed or made into blocks again: weir's fused chain
// beside the loop one would write by hand. Prints one JSON object per pair of runs; run.py calls
// it.
//
//   fused_steps_bench [PAIRS [blocks]]
#include <weir/runtime/block_builder.hpp>
#include <weir/weir.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace {

using namespace weir;
using stopwatch = std::chrono::steady_clock;

constexpr std::size_t block_count = 256; // 2 MiB: fits the second-level cache and its neighbour
constexpr int rounds = 400;

// The steps. Their result depends on every record, and none can be left out.
constexpr auto scale = [](std::int64_t x) { return x * 3 + 1; };
constexpr auto odd_enough = [](std::int64_t x) { return x % 5 != 0; };
constexpr auto fold_bits = [](std::int64_t x) { return x ^ (x >> 7); };

std::vector<block_ptr> make_blocks() {
  std::vector<block_ptr> blocks;
  block_builder<std::int64_t> filling;
  std::int64_t next = 88172645463325252; // xorshift
  while (blocks.size() < block_count) {
    next ^= next << 13;
    next ^= static_cast<std::int64_t>(static_cast<std::uint64_t>(next) >> 7);
    next ^= next << 17;
    filling.push(next >> 20);
    if (filling.full())
      blocks.push_back(filling.build());
  }
  return blocks;
}

[[gnu::noinline]] std::int64_t by_hand(const std::vector<block_ptr>& blocks) {
  std::int64_t sum = 0;
  for (int round = 0; round < rounds; ++round)
    for (const auto& data : blocks)
      for (const auto record : block_cast<std::int64_t>(*data).records()) {
        const auto scaled = scale(record);
        if (odd_enough(scaled))
          sum += fold_bits(scaled);
      }
  return sum;
}

/// The same into blocks, of which the last records are added up.
[[gnu::noinline]] std::int64_t by_hand_into_blocks(const std::vector<block_ptr>& blocks) {
  std::int64_t sum = 0;
  block_builder<std::int64_t> out;
  const auto leave = [&] { sum += block_cast<std::int64_t>(*out.build()).records().back(); };
  for (int round = 0; round < rounds; ++round)
    for (const auto& data : blocks)
      for (const auto record : block_cast<std::int64_t>(*data).records()) {
        const auto scaled = scale(record);
        if (!odd_enough(scaled))
          continue;
        out.push(fold_bits(scaled));
        if (out.full())
          leave();
      }
  if (!out.empty())
    leave();
  return sum;
}

/// Takes what the chain gives: one record per batch, or blocks.
class last_values final : public emitter {
public:
  void emit(partition_id, block_ptr data) override {
    sum += block_cast<std::int64_t>(*data).records().back();
  }
  std::int64_t sum = 0;
};

/// The stage that a job would run, without a job around it.
class by_weir {
public:
  explicit by_weir(bool into_blocks) : context_(*context::make()) {
    const auto log = std::make_shared<memory_log<std::int64_t>>();
    const auto steps = memory_stream(context_, log).map(scale).filter(odd_enough).map(fold_bits);
    if (into_blocks)
      steps.share().for_each_batch([](const auto&) {});
    else
      steps.reduce(std::plus<>{}).for_each_batch([](const auto&) {});
    for (const auto& n : context_.composed()->graph.nodes())
      if (n.kind == node_kind::stage && !stage_) {
        stage_ = n.make_stage();
        environment_.node = n.id;
      }
    environment_.log = [](log_level, std::string_view) {};
    batch_.nodes.resize(context_.composed()->graph.nodes().size());
    require(stage_->open(environment_).has_value());
  }
  ~by_weir() { stage_->close(); }

  [[gnu::noinline]] std::int64_t run(const std::vector<block_ptr>& blocks) {
    last_values out;
    require(stage_->begin(batch_).has_value());
    for (int round = 0; round < rounds; ++round)
      for (const auto& data : blocks) {
        block_cursor cursor;
        const auto done = stage_->process(0, {data, partition_id(0)}, cursor, out);
        require(done && *done == progress::done);
      }
    const auto done = stage_->end({}, out);
    require(done && *done == progress::done);
    return out.sum;
  }

private:
  static void require(bool holds) {
    if (!holds) {
      fmt::print(stderr, "fused_steps_bench: the stage failed\n");
      std::exit(1);
    }
  }

  context context_;
  batch batch_;
  replica_context environment_;
  std::unique_ptr<stage> stage_;
};

template <class Run>
double nanoseconds_per_record(const std::vector<block_ptr>& blocks, std::int64_t& sum, Run run) {
  std::size_t records = 0;
  for (const auto& data : blocks)
    records += data->size();
  const auto start = stopwatch::now();
  sum = run();
  const std::chrono::duration<double, std::nano> took = stopwatch::now() - start;
  return took.count() / double(records) / rounds;
}

} // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 5;
  const auto blocks = make_blocks();
  const bool into_blocks = argc > 2;
  by_weir job(into_blocks);
  const auto hand = into_blocks ? &by_hand_into_blocks : &by_hand;
  std::int64_t expected_sum = 0;
  std::int64_t sum = 0;
  (void)nanoseconds_per_record(blocks, expected_sum, [&] { return hand(blocks); });
  (void)nanoseconds_per_record(blocks, sum, [&] { return job.run(blocks); });
  for (int i = 0; i < pairs; ++i) {
    const auto weirs = nanoseconds_per_record(blocks, sum, [&] { return job.run(blocks); });
    const auto hands = nanoseconds_per_record(blocks, expected_sum, [&] { return hand(blocks); });
    if (sum != expected_sum) {
      fmt::print(stderr, "fused_steps_bench: the sum is {}, not {}\n", sum, expected_sum);
      return 1;
    }
    fmt::print("{{\"weir\": {:.4f}, \"baseline\": {:.4f}}}\n", weirs, hands);
  }
  return 0;
}
