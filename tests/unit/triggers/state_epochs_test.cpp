// What is kept by key from batch to batch, under `continuous`.
#include "epoch_rows.hpp"

#include <numeric>
#include <span>

using namespace std::chrono_literals;
using namespace weir::test;

namespace {

using numbers = weir::stream<number_pair>;

numbers sums_of_state(const numbers& in) {
  return in.update_state_by_key<int>([](std::span<const int> values, std::optional<int> sum) {
    return std::optional(std::accumulate(values.begin(), values.end(), sum.value_or(0)));
  });
}

/// (key, running sum) for each record, (key, -sum) for a key that times out.
numbers sums_so_far(const numbers& in) {
  return in.map_with_state<int>(
      [](const int& key, const int* value, weir::keyed_state<int>& sum) {
        if (!value)
          return number_pair(key, -sum.get());
        sum.update(sum.get_option().value_or(0) + *value);
        return number_pair(key, sum.get());
      },
      {.timeout = 1s});
}

/// The records of a key that had none for two seconds.
struct pauses {
  using context = weir::process_context<int, number_pair>;
  void on_record(context& at, const int&, int) const {
    for (const auto timer : std::vector(at.timers().begin(), at.timers().end()))
      at.delete_timer(timer);
    at.set_timer(at.time() + 2s);
    at.state().update(at.state().get_option().value_or(0) + 1);
  }
  void on_timer(context& at, const int& key, weir::batch_time) const {
    at.emit({key, at.state().get()});
    at.state().remove();
  }
};

numbers counts_of_pauses(const numbers& in) { return in.process<int, number_pair>(pauses{}); }

numbers firsts(const numbers& in) {
  return in.deduplicate([](const number_pair& r) { return r.second; });
}

/// The record's value is its time. Of each the first, until the watermark has passed it.
numbers timed_firsts(const numbers& in) {
  return in.assign_timestamps([](const number_pair& r) { return weir::event_time(r.second * 1ms); })
      .deduplicate_within_watermark([](const number_pair& r) { return r.first; })
      .without_time();
}

} // namespace

SCENARIO("state by key goes from epoch to epoch as from batch to batch",
         "[triggers][continuous][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto build = GENERATE(
      values<pipeline>({sums_of_state, sums_so_far, counts_of_pauses, firsts, timed_firsts}));
  CAPTURE(how);
  const auto expected = batch_rows(some_numbers, build);
  CHECK(epoch_rows(how, some_numbers, build) == expected);
  THEN("epochs that are aborted and read again leave no trace in it") {
    CHECK(epoch_rows(how, some_numbers, build, {1, 3, 4}) == expected);
  }
}

SCENARIO("what is known of a record is passed on while its epoch is open",
         "[triggers][continuous][state]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<number_pair>>();
  sums_so_far(weir::memory_stream(job.context(), log))
      .map([](const number_pair& sum) { return sum.second; })
      .to(seen.sink());
  REQUIRE(job.context().start());
  log->append({1, 10});
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10}; }));
  log->append({1, 20});
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10, 30}; }));
  CHECK(job.reports().empty());
  REQUIRE(job.step());
  REQUIRE(job.step());
  REQUIRE(job.step()); // one second and one more have passed: it times out at the epoch's end
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10, 30, -30}; }));
}

SCENARIO("a processor's results come while the epoch is open, those of timers at its end",
         "[triggers][continuous][state]") {
  struct echo {
    using context = weir::process_context<int, int>;
    void on_record(context& at, const int&, int value) const {
      at.emit(value);
      at.set_timer(at.time());
    }
    void on_timer(context& at, const int&, weir::batch_time) const { at.emit(-1); }
  };
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  seen_rows seen; // outlives the job
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<number_pair>>();
  weir::memory_stream(job.context(), log).process<int, int>(echo{}).to(seen.sink());
  REQUIRE(job.context().start());
  log->append_all({{1, 10}, {1, 11}});
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10, 11}; }));
  const auto report = job.step();
  REQUIRE(report);
  CHECK(report->time == weir::batch_time(1'767'225'601s));
  CHECK(seen.rows() == std::vector{10, 11, -1});
}
