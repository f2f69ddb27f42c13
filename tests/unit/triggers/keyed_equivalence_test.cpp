// State by key and joins over event time under every trigger and both executors.
#include "readings.hpp"

#include <set>
#include <span>

using namespace std::chrono_literals;
using namespace weir::test;
using weir::event_time;
using weir::trigger;

namespace {

using number_pair = std::pair<int, int>;
using numbers = weir::stream<number_pair>;
using pipeline = numbers (*)(const weir::stream<reading>&);

event_time at(int number) { return event_time(std::chrono::milliseconds(number)); }

/// A key whose readings all come from one partition.
int own_key(const reading& r) { return 100 * r.partition + r.key; }

numbers sums_of_state(const weir::stream<reading>& in) {
  return in.map([](const reading& r) { return number_pair(r.key, r.number); })
      .update_state_by_key<int>([](std::span<const int> values, std::optional<int> sum) {
        for (const int n : values)
          sum = sum.value_or(0) + n;
        return sum;
      });
}

numbers sums_so_far(const weir::stream<reading>& in) {
  return in.map([](const reading& r) { return number_pair(own_key(r), r.number); })
      .map_with_state<int>([](const int& key, const int* value, weir::keyed_state<int>& sum) {
        sum.update(sum.get_option().value_or(0) + *value);
        return number_pair(key, sum.get());
      });
}

numbers first_of_ten(const weir::stream<reading>& in) {
  return in.map([](const reading& r) { return number_pair(r.partition, r.number); })
      .deduplicate([](const number_pair& r) { return number_pair(r.first, r.second / 10); });
}

/// (key, time) at the end of each 25 ms in which the key has readings.
struct alarms {
  using context = weir::process_context<int, number_pair>;
  void on_record(context& now, const int&, int number) const {
    now.set_event_timer(at(number / 25 * 25 + 25));
  }
  void on_event_timer(context& now, const int& key, event_time time) const {
    now.emit({key, int(time.time_since_epoch() / 1ms)});
  }
};

auto timed(const weir::stream<reading>& in) {
  return in.assign_timestamps([](const reading& r) { return at(r.number); }).share();
}

numbers alarms_of(const weir::stream<reading>& in) {
  return timed(in)
      .without_time()
      .map([](const reading& r) { return number_pair(r.key, r.number); })
      .process<int, number_pair>(alarms{});
}

/// Readings of partition 0 with those of partition 1 that have the same key: the number of either,
/// or -1 on the right.
numbers joined(const weir::stream<reading>& in) {
  const auto readings = timed(in);
  const auto of = [&](int partition) {
    return readings.filter([partition](const reading& r) { return r.partition == partition; })
        .map([](const reading& r) { return number_pair(r.key, r.number); })
        .share();
  };
  return of(0).left_interval_join(of(1), -8ms, 2ms).without_time().map([](const auto& r) {
    return number_pair(r.second.first, r.second.second.value_or(-1));
  });
}

const std::initializer_list<trigger> with_watermarks = {trigger::every, trigger::available_now,
                                                        trigger::continuous};

} // namespace

SCENARIO("the state at the end is the same under every trigger", "[triggers][state]") {
  const auto kind = GENERATE_REF(values(every_trigger));
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(int(kind), how);
  std::map<int, int> expected;
  for (const auto& r : everything())
    expected[r.key] += r.number;
  std::map<int, int> last;
  for (const auto& [key, sum] : rows_under(kind, how, pipeline(sums_of_state)))
    last[key] = sum;
  CHECK(last == expected);
}

SCENARIO("what state makes of a record is the same under every trigger", "[triggers][state]") {
  const auto kind = GENERATE_REF(values(every_trigger));
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(int(kind), how);
  std::vector<number_pair> sums;
  std::vector<number_pair> firsts;
  std::map<int, int> so_far;
  for (const auto& r : everything()) {
    sums.emplace_back(own_key(r), so_far[own_key(r)] += r.number);
    if (r.number % 10 == 0)
      firsts.emplace_back(r.partition, r.number);
  }
  CHECK(sorted(rows_under(kind, how, pipeline(sums_so_far))) == sorted(sums));
  CHECK(sorted(rows_under(kind, how, pipeline(first_of_ten))) == sorted(firsts));
}

SCENARIO("timers of event time come once, however batches are cut", "[triggers][state]") {
  const auto kind = GENERATE_REF(values(with_watermarks));
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(int(kind), how);
  constexpr int last = portions * per_portion - 1; // where the watermark ends
  std::set<number_pair> expected;
  for (const auto& r : everything())
    if (const int end = r.number / 25 * 25 + 25; end <= last)
      expected.emplace(r.key, end);
  CHECK(sorted(rows_under(kind, how, pipeline(alarms_of))) ==
        std::vector(expected.begin(), expected.end()));
}

SCENARIO("joins over event time are the same however batches are cut", "[triggers][event_time]") {
  const auto kind = GENERATE_REF(values(with_watermarks));
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(int(kind), how);
  std::vector<number_pair>
      expected; // keys are equal when the numbers are 8 apart, or 3 the other way
  for (int n = 0; n < portions * per_portion; ++n)
    expected.emplace_back(n, n < 8 ? -1 : n - 8);
  CHECK(sorted(rows_under(kind, how, pipeline(joined))) == expected);
}
