// Windows of event time against a naive model: any window, output mode, disorder and abort.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/aborted_batches.hpp>
#include <tests/support/properties.hpp>

#include <map>
#include <optional>

using std::int64_t;
using std::chrono::milliseconds;
using weir::output_mode;
using weir::test::partitioned;
using weir::test::sorted;

namespace {

using record = std::pair<int, int>; // time and key
using batches = std::vector<partitioned<record>>;
using interval = std::pair<int, int>;
using row = std::pair<interval, std::pair<int, int64_t>>; // window, key, count
using rows = std::vector<std::vector<row>>;

constexpr int never = -1'000'000;

/// The watermarks that the batches run with: the least of both partitions' latest times.
std::vector<int> marks_of(const batches& input, int disorder) {
  std::vector<std::optional<int>> latest(2);
  std::vector<int> marks;
  int mark = never;
  for (const auto& batch : input) {
    marks.push_back(mark);
    for (std::size_t p = 0; p < 2; ++p)
      for (const auto& [time, key] : batch[p])
        latest[p] = std::max(latest[p].value_or(0), time);
    if (latest[0] && latest[1])
      mark = std::max(mark, std::min(*latest[0], *latest[1]) - disorder);
  }
  return marks;
}

/// Which results leave: of all `kept`, those that changed, or those whose window has ended; these
/// are then forgotten.
std::vector<row> leave(output_mode mode, std::map<std::pair<interval, int>, int64_t>& kept,
                       const std::set<std::pair<interval, int>>& changed, int mark) {
  std::vector<row> out;
  for (const auto& [id, n] : kept)
    if (mode == output_mode::complete || (mode == output_mode::update && changed.contains(id)) ||
        (mode == output_mode::append && id.first.second <= mark))
      out.push_back({id.first, {id.second, n}});
  if (mode != output_mode::complete)
    std::erase_if(kept, [&](const auto& entry) { return entry.first.first.second <= mark; });
  return out;
}

rows sliding_model(const batches& input, int disorder, int size, int slide, int offset,
                   output_mode mode) {
  const auto marks = marks_of(input, disorder);
  std::map<std::pair<interval, int>, int64_t> kept;
  rows all;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const int late = i == 0 || mode == output_mode::complete ? never : marks[i - 1];
    std::set<std::pair<interval, int>> changed;
    for (const auto& partition : input[i])
      for (const auto& [time, key] : partition)
        for (int k = -100; k <= 100; ++k)
          if (const int start = k * slide + offset;
              start <= time && time < start + size && start + size > late) {
            ++kept[{{start, start + size}, key}];
            changed.insert({{start, start + size}, key});
          }
    all.push_back(leave(mode, kept, changed, marks[i]));
  }
  return all;
}

rows session_model(const batches& input, int disorder, int gap, output_mode mode) {
  const auto marks = marks_of(input, disorder);
  std::map<std::pair<interval, int>, int64_t> kept;
  rows all;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const int late = i == 0 || mode == output_mode::complete ? never : marks[i - 1];
    for (const auto& partition : input[i])
      for (const auto& [time, key] : partition) {
        if (time + gap <= late)
          continue;
        interval joined(time, time + gap);
        int64_t n = 1;
        for (bool more = true; more;) {
          more = false;
          for (const auto& [id, m] : kept)
            if (id.second == key && id.first.first <= joined.second &&
                joined.first <= id.first.second) {
              joined = {std::min(joined.first, id.first.first),
                        std::max(joined.second, id.first.second)};
              n += m;
              kept.erase(std::pair(id));
              more = true;
              break;
            }
        }
        kept[{joined, key}] += n;
      }
    all.push_back(leave(mode, kept, {}, marks[i]));
  }
  return all;
}

batches some_batches() {
  const auto record_in = rc::gen::pair(weir::test::full_range(0, 40), weir::test::full_range(0, 3));
  batches input(*weir::test::full_range<std::size_t>(1, 6));
  for (auto& batch : input) {
    for (int p = 0; p < 2; ++p)
      batch.push_back(*rc::gen::resize(4, rc::gen::container<std::vector<record>>(record_in)));
  }
  return input;
}

weir::context_options some_options() {
  auto options =
      weir::test::options_for({.seed = *weir::test::full_range<std::uint64_t>(0, 1'000'000)});
  options.block.max_records = *weir::test::full_range<std::size_t>(1, 4);
  options.default_partitions = *weir::test::full_range<std::uint32_t>(1, 4);
  return options;
}

/// Rows of a job that counts keys in the windows that `in_windows(timed stream)` makes.
template <class InWindows>
rows found(const batches& input, int disorder, InWindows in_windows) {
  const auto drawn = *rc::gen::resize(3, rc::gen::container<std::vector<std::size_t>>(
                                             weir::test::full_range<std::size_t>(0, input.size())));
  const std::set<std::size_t> aborted(drawn.begin(), drawn.end());
  return weir::test::rows_with_aborts<record>(some_options(), input, aborted, [&](auto in) {
    auto timed = in.assign_timestamps(
                       [](const record& r) { return weir::event_time(milliseconds(r.first)); },
                       {.max_out_of_orderness = milliseconds(disorder), .idle_after = {}})
                     .map([](const record& r) { return std::pair(r.second, 0); });
    return in_windows(timed).count_by_key().map([](const weir::windowed<int, int64_t>& w) {
      const auto number = [](weir::event_time t) {
        return static_cast<int>(t.time_since_epoch().count());
      };
      return row{{number(w.window.start), number(w.window.end)}, {w.key, w.value}};
    });
  });
}

} // namespace

SCENARIO("tumbling and sliding windows equal their model", "[operators][event_time][model]") {
  weir::test::holds_for(1000, [] {
    const auto input = some_batches();
    const int disorder = *weir::test::full_range(0, 10);
    const int size = *weir::test::full_range(1, 15);
    const int slide = *rc::gen::oneOf(rc::gen::just(size), weir::test::full_range(1, size + 1));
    const int offset = *weir::test::full_range(-slide + 1, slide);
    const auto mode =
        *rc::gen::element(output_mode::append, output_mode::update, output_mode::complete);
    RC_ASSERT(found(input, disorder, [&](auto timed) {
                return timed.sliding(milliseconds(size), milliseconds(slide), milliseconds(offset))
                    .emit(mode);
              }) == sliding_model(input, disorder, size, slide, offset, mode));
  });
}

SCENARIO("sessions equal their model", "[operators][event_time][model]") {
  weir::test::holds_for(1000, [] {
    const auto input = some_batches();
    const int disorder = *weir::test::full_range(0, 10);
    const int gap = *weir::test::full_range(1, 8);
    const auto mode = *rc::gen::element(output_mode::append, output_mode::complete);
    RC_ASSERT(found(input, disorder, [&](auto timed) {
                return timed.session(milliseconds(gap)).emit(mode);
              }) == session_model(input, disorder, gap, mode));
  });
}
