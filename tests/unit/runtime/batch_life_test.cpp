// The life of a batch beyond its barrier: no sink commits before all have prepared, and a batch
// that is taken away at any step leaves the state of the batch before.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/interrupted_source.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/properties.hpp>

#include <map>
#include <numeric>
#include <random>

using namespace std::chrono_literals;
using std::int64_t;
using weir::expected;
using weir::progress;
using weir::test::full_range;

namespace {

using record = std::pair<int, int64_t>;
using rows = std::vector<record>;

/// What the sinks of a job share: what each has shown, and when the job is interrupted. In line, so
/// one thread.
struct observer {
  explicit observer(std::size_t sinks) : prepared(sinks), shown(sinks) {}

  /// A sink is asked for something. @returns whether it is to say `blocked`, because the batch is
  /// about to be taken away, or by chance.
  bool interrupts(bool may_block) {
    if (++calls == interrupt_at) {
      by->abort_open_batch();
      interrupted = true;
    }
    if (!may_block)
      return false;
    return std::exchange(interrupted, false) || chance() % 3 == 0;
  }

  std::shared_ptr<weir::test::interruption> by = std::make_shared<weir::test::interruption>();
  int interrupt_at = 0;
  int calls = 0;
  bool interrupted = false;
  std::mt19937 chance;
  std::vector<int64_t> prepared;              ///< By sink: index of the last batch it prepared.
  std::vector<std::map<int64_t, rows>> shown; ///< By sink, then by index of the batch.
  bool committed_too_early = false;
};

class observed_sink final : public weir::sink<record> {
public:
  observed_sink(std::shared_ptr<observer> seen, std::size_t number)
      : seen_(std::move(seen)), number_(number) {}

  expected<void> open(const weir::replica_context& context) override {
    wake_ = context.wake;
    return {};
  }
  expected<void> begin(const weir::batch& whole) override {
    index_ = whole.index;
    moves_ = whole.moves();
    rows_.clear();
    (void)seen_->interrupts(false);
    return {};
  }
  expected<progress> write(const weir::sink_block<record>& in, std::size_t& written) override {
    if (blocks())
      return progress::blocked;
    rows_.insert(rows_.end(), in.records.begin(), in.records.end());
    written = in.records.size();
    return progress::done;
  }
  expected<progress> prepare() override {
    if (blocks())
      return progress::blocked;
    seen_->prepared[number_] = index_;
    return progress::done;
  }
  expected<progress> commit() override {
    if (moves_ && std::ranges::count(seen_->prepared, index_) != std::ssize(seen_->prepared))
      seen_->committed_too_early = true;
    if (blocks())
      return progress::blocked;
    seen_->shown[number_][index_] = weir::test::sorted(rows_);
    return progress::done;
  }

private:
  bool blocks() {
    const bool stops = seen_->interrupts(true);
    if (stops)
      wake_();
    return stops;
  }

  std::shared_ptr<observer> seen_;
  std::size_t number_;
  std::function<void()> wake_;
  int64_t index_ = 0;
  bool moves_ = false;
  rows rows_;
};

weir::sink_factory<record> observe(const std::shared_ptr<observer>& seen, std::size_t number) {
  return {.traits = {.name = "observed"},
          .make = [=] { return std::make_unique<observed_sink>(seen, number); }};
}

/// The sum of each key's values so far.
std::optional<record> add_up(int key, const int64_t* value, weir::keyed_state<int64_t>& state) {
  const auto sum = (state.exists() ? state.get() : 0) + *value;
  state.update(sum);
  return record(key, sum);
}

} // namespace

SCENARIO("a batch counts for every sink and every state, or for none", "[runtime][batch_life]") {
  weir::test::holds_for(300, [] {
    constexpr std::size_t sinks = 3;
    constexpr int64_t batches = 4;
    auto options = weir::test::options_for({.seed = *full_range<std::uint64_t>(0, 1'000'000)});
    options.block.max_records = *full_range<std::size_t>(1, 4);
    auto job = *weir::testing::stepped_job::make(options);
    auto log = std::make_shared<weir::memory_log<record>>(2);
    auto seen = std::make_shared<observer>(sinks);
    seen->chance.seed(*full_range<unsigned>(0, 1'000'000));
    seen->interrupt_at = *full_range(1, 80);

    const auto in = weir::test::interrupted_stream(job.context(), log, seen->by);
    in.map_with_state<int64_t>(add_up).to(observe(seen, 0));
    in.reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 2s).to(observe(seen, 1));
    in.running().emit(weir::output_mode::update).reduce_by_key(std::plus<>{}).to(observe(seen, 2));

    std::map<int, int64_t> sums;
    std::vector<std::map<int, int64_t>> parts;
    int64_t index = 0;
    for (int64_t b = 0; b < batches; ++b) {
      parts.emplace_back();
      rows with_state;
      std::map<int, int64_t> updated;
      for (const auto& [key, value] : *rc::gen::container<rows>(
               rc::gen::pair(full_range(0, 3), full_range<int64_t>(1, 100)))) {
        log->append({key, value}, static_cast<std::uint32_t>(key % 2));
        sums[key] += value;
        with_state.push_back({key, sums[key]});
        parts.back()[key] += value;
        updated[key] = sums[key];
      }
      auto windowed = parts.back();
      if (b > 0)
        for (const auto& [key, value] : parts[parts.size() - 2])
          windowed[key] += value;
      for (bool done = false; !done;) { // what is taken away is read again
        const auto report = job.step();
        RC_ASSERT(report.has_value());
        done = !report->failure;
        RC_ASSERT((done || report->failure->code() == weir::errc::partitions_lost));
        ++index;
      }
      RC_ASSERT_FALSE(seen->committed_too_early);
      RC_ASSERT(!seen->shown[0].empty());
      RC_ASSERT(seen->shown[0].rbegin()->second == weir::test::sorted(with_state));
      RC_ASSERT(seen->shown[2].rbegin()->second == rows(updated.begin(), updated.end()));
      if (index == b + 1) // without an interruption before
        RC_ASSERT(seen->shown[1].rbegin()->second == rows(windowed.begin(), windowed.end()));
    }
  });
}
