// Windows against a model that looks at all records anew each time: any length, slide and
// partitioning, with empty and missing batches, merged ticks, and batches that are undone and read
// again.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/properties.hpp>

#include <map>

using namespace std::chrono_literals;
using weir::test::any;

namespace {

using record = std::pair<int, int>;
using records = std::vector<record>;

/// What happens at one batch time.
struct moment {
  std::vector<records> added; ///< By partition.
  std::uint32_t skipped = 0;  ///< Ticks before it that were merged into it.
  bool missing = false;       ///< The input has no batch then.
  bool undone = false;        ///< The batch is undone; its records are read by the next.
};

moment some_moment() {
  const auto one_in = [](int n) { return any(0, n) == n - 1; };
  moment m;
  m.added.resize(2);
  for (auto& partition : m.added)
    for (int left = any(0, 4); left > 0; --left)
      partition.emplace_back(any(0, 4), any(-3, 4));
  m.skipped = one_in(5) ? any(1U, 5U) : 0;
  m.missing = one_in(6);
  m.undone = !m.missing && one_in(5);
  return m;
}

/// A window and what it should give. Batches count from the first that completed.
struct model {
  int length;
  int slide;
  int now = 0;                    ///< Index of the last batch that completed.
  int then = 0;                   ///< Of the one before it.
  std::map<int, records> batches; ///< By index.

  [[nodiscard]] static int end_before(int index, int every) { return index / every * every; }
  [[nodiscard]] bool gives_a_batch() const {
    return end_before(now, slide) > end_before(then, slide);
  }

  /// The batches of the last slide's length; and where windows touch, also those that were due in a
  /// window whose time passed without a batch.
  [[nodiscard]] records window() const {
    const int end = end_before(now, slide);
    records all;
    for (const auto& [index, read] : batches) {
      const bool within = index > end - length && index <= end;
      const bool overdue = slide <= length && index > end_before(then, slide) && index <= end;
      if (within || overdue)
        all.insert(all.end(), read.begin(), read.end());
    }
    return all;
  }

  [[nodiscard]] records sums() const {
    std::map<int, int> by_key;
    for (const auto& [key, value] : window())
      by_key[key] += value;
    return {by_key.begin(), by_key.end()};
  }
};

/// Moves a job and the model through the same moments. @param look compares after each batch.
template <class Look>
void play(weir::testing::test_job& job, const weir::testing::test_input<record>& in,
          model& expected, const std::vector<moment>& moments, Look look) {
  records waiting;
  bool started = false; // the first batch that completes is the first there is
  for (const auto& m : moments) {
    in.add_partitions(m.added);
    for (const auto& partition : m.added)
      waiting.insert(waiting.end(), partition.begin(), partition.end());
    if (m.undone) {
      job.step_undone();
      expected.now += started ? 1 : 0; // its tick has passed
      continue;
    }
    if (m.missing)
      in.miss_next();
    job.step(m.skipped);
    expected.now = started ? expected.now + 1 + static_cast<int>(m.skipped) : 1;
    if (!m.missing && !waiting.empty())
      expected.batches[expected.now] = std::exchange(waiting, {});
    look();
    expected.then = expected.now;
    started = true;
  }
}

template <class Out>
void expect_rows(const weir::testing::test_output<Out>& out, const model& expected,
                 const std::vector<Out>& rows) {
  if (expected.gives_a_batch())
    out.expect(rows);
  else
    out.expect_no_batch();
}

model some_model() { return {.length = any(1, 6), .slide = any(1, 6), .batches = {}}; }
std::vector<moment> some_moments() {
  std::vector<moment> moments(any<std::size_t>(1, 10));
  for (auto& m : moments)
    m = some_moment();
  return moments;
}
weir::context_options some_options() {
  auto options = weir::test::options_for({.seed = any<std::uint64_t>(0, 1'000'000)});
  options.block.max_records = any<std::size_t>(1, 4);
  return options;
}

} // namespace

SCENARIO("a window computed anew holds what the model holds", "[operators][window][property]") {
  weir::test::holds_for(1000, [] {
    model expected = some_model();
    weir::testing::test_job job(some_options());
    const auto in = job.input<record>(2);
    const auto all = job.output(in.stream().window(expected.length * 1s, expected.slide * 1s));
    const auto sums = job.output(in.stream().reduce_by_key_and_window(
        std::plus<>{}, expected.length * 1s, expected.slide * 1s, any(1U, 4U)));
    play(job, in, expected, some_moments(), [&] {
      expect_rows(all, expected, expected.window());
      expect_rows(sums, expected, expected.sums());
    });
  });
}

SCENARIO("a window brought up to date holds what the model holds",
         "[operators][window][property]") {
  weir::test::holds_for(1000, [] {
    model expected = some_model();
    weir::testing::test_job job(some_options());
    const auto in = job.input<record>(2);
    const auto sums = job.output(in.stream().reduce_by_key_and_window(
        std::plus<>{}, std::minus<>{}, expected.length * 1s, expected.slide * 1s, any(1U, 4U)));
    const auto number =
        job.output(in.stream().count_by_window(expected.length * 1s, expected.slide * 1s));
    play(job, in, expected, some_moments(), [&] {
      expect_rows(sums, expected, expected.sums());
      expect_rows(number, expected,
                  std::vector{static_cast<std::int64_t>(expected.window().size())});
    });
  });
}
