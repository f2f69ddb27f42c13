// The update of a window that slides by one batch, with as many keys live: a window of 600 batches
// beside one of 6. Passing the result on is left out, it costs the same in both. Prints one JSON
// object per pair of runs; run.py calls it.
//
//   inverse_window_bench [PAIRS]
#include <weir/operators/window/inverse_head.hpp>
#include <weir/runtime/block_builder.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

using namespace weir;
using stopwatch = std::chrono::steady_clock;
using key = std::int64_t;
using sum = std::int64_t;

constexpr key live_keys = 3000;
constexpr key keys_per_batch =
    1000; // a window of 6 batches has each key twice, one of 600 two hundred times
constexpr int slides = 3000;

/// Takes the place of the stage around the head; nothing is passed on.
struct no_flow {
  void count_in(std::uint64_t) {}
  void threw() {}
  [[nodiscard]] bool drops() const { return false; }
  expected<void> settle_noted() { return {}; }
};

struct no_limit final : retained_account {
  expected<void> take(std::size_t) override { return {}; }
  void give_back(std::size_t) noexcept override {}
};

class sliding_window {
public:
  explicit sliding_window(std::int64_t length) : head_({.length = length, .slide = 1}, {}, {}) {
    replica_context environment;
    environment.retained = &account_;
    head_.open(environment);
    slide_by(2 * length);
  }

  /// @returns nanoseconds per key that changed.
  double time_slides() {
    took_ = {};
    slide_by(slides);
    return took_.count() / (2.0 * keys_per_batch * slides); // as many leave as enter
  }

private:
  void slide_by(std::int64_t batches) {
    for (std::int64_t i = 0; i < batches; ++i) {
      whole_.before = whole_.index++;
      block_builder<std::pair<key, sum>> filling({.max_records = keys_per_batch});
      for (key k = 0; k < keys_per_batch; ++k)
        filling.push(std::pair((whole_.index * keys_per_batch + k) % live_keys, k));
      const parcel entering{filling.build(), partition_id(0)};
      block_cursor cursor;
      const auto started = stopwatch::now();
      head_.begin(whole_);
      if (!head_.process(0, entering, cursor, flow_) || !head_.update(flow_))
        std::abort();
      took_ += stopwatch::now() - started;
    }
  }

  no_limit account_;
  no_flow flow_;
  batch whole_;
  std::chrono::duration<double, std::nano> took_{};

  detail::inverse_head<key, sum, std::plus<>, std::minus<>> head_;
};

} // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 1;
  if (pairs < 1) {
    std::fputs("usage: inverse_window_bench [PAIRS]\n", stderr);
    return 2;
  }
  sliding_window long_one(600);
  sliding_window short_one(6);
  for (int i = 0; i < pairs; ++i) {
    const double ours = long_one.time_slides();
    fmt::print("{{\"weir\": {}, \"baseline\": {}}}\n", ours, short_one.time_slides());
  }
}
