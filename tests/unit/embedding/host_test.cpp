// A job that the host drives: no thread but the host's, its memory, its loop's wake-ups.
#include <weir/connectors/outlet.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <atomic>
#include <filesystem>
#include <memory_resource>
#include <set>
#include <thread>

using namespace std::chrono_literals;

namespace {

std::ptrdiff_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

/// Counts what is taken from it and given back to it.
class counting_memory final : public std::pmr::memory_resource {
public:
  std::atomic<std::size_t> calls{0};
  std::atomic<std::ptrdiff_t> outstanding{0};

private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++calls;
    outstanding += static_cast<std::ptrdiff_t>(bytes);
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override {
    outstanding -= static_cast<std::ptrdiff_t>(bytes);
    std::pmr::new_delete_resource()->deallocate(at, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }
};

weir::context_options driven_by_host() {
  auto options = weir::test::options_for();
  options.batch_interval = 1ms;
  options.trigger = weir::trigger::continuous;
  return options;
}

} // namespace

SCENARIO("poll_for runs a job on the calling thread alone", "[embedding]") {
  const auto threads = threads_of_process();
  std::vector<std::string> started;
  auto options = driven_by_host();
  options.on_thread_start = [&](std::string_view name) { started.emplace_back(name); };
  auto job = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  const weir::outlet<int> results;
  std::set<std::thread::id> ran_on;
  weir::memory_stream(job, log)
      .map([&](int n) {
        ran_on.insert(std::this_thread::get_id());
        return n + 1;
      })
      .to(results.sink());
  REQUIRE(job.start());
  log->append(1);
  std::optional<int> first;
  for (int i = 0; i < 1000 && !first; ++i) {
    CHECK(job.poll_for(1ms));
    first = results.try_pop();
  }
  CHECK(first == 2);
  CHECK(threads_of_process() == threads);
  CHECK(ran_on == std::set{std::this_thread::get_id()});
  REQUIRE(job.stop());
  CHECK_FALSE(job.poll_for(1ms));
  CHECK(started.empty());
}

SCENARIO("a host loop hears when there is work, and how long it may sleep", "[embedding]") {
  std::atomic<int> calls = 0; // outlives the job
  auto clock = std::make_shared<weir::manual_clock>();
  auto options = weir::test::options_for();
  options.trigger = weir::trigger::continuous;
  options.clock = clock;
  auto job = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  const weir::outlet<int> results;
  weir::memory_stream(job, log).to(results.sink());
  job.on_work([&] { ++calls; });
  REQUIRE(job.start());
  while (job.next_due() == 0s) // the first look at the sources is due at once
    REQUIRE(job.run_ready());
  CHECK(job.next_due() <= 1s);
  const int before = calls;
  std::thread([&] { log->append(7); }).join();
  CHECK(calls > before);
  REQUIRE(job.run_ready());
  CHECK(results.try_pop() == 7);
  clock->advance(job.next_due());
  CHECK(job.next_due() == 0s);
  CHECK(job.run_ready());
  CHECK(job.next_due() > 0s);
}

SCENARIO("the hook is called on every thread that runs a job", "[embedding]") {
  std::mutex mutex;
  std::set<std::thread::id> known;
  std::vector<std::string> names;
  auto options = weir::test::options_for({weir::executor_kind::actors, 1});
  options.on_thread_start = [&](std::string_view name) {
    std::lock_guard guard(mutex);
    known.insert(std::this_thread::get_id());
    names.emplace_back(name);
  };
  std::thread([] {}).join(); // the thread sanitizer starts its own beside the first one
  const auto threads = threads_of_process();
  {
    auto job = *weir::testing::stepped_job::make(options);
    auto log = std::make_shared<weir::memory_log<int>>(2);
    std::atomic<int> unknown = 0;
    weir::memory_stream(job.context(), log)
        .map([&](int n) {
          std::lock_guard guard(mutex);
          unknown += known.contains(std::this_thread::get_id()) ? 0 : 1;
          return n;
        })
        .for_each_batch([](const auto&) {});
    log->append_all({1, 2, 3}, 0);
    log->append_all({4, 5, 6}, 1);
    REQUIRE(job.step());
    CHECK(unknown == 0);
    const auto as_many_as_known = [&] {
      std::lock_guard guard(mutex);
      return threads_of_process() - threads == std::ssize(known);
    };
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!as_many_as_known() && std::chrono::steady_clock::now() < patience)
      std::this_thread::yield(); // a thread that had no work yet may be about to call the hook
    CHECK(as_many_as_known());
    std::lock_guard guard(mutex);
    CHECK(weir::test::sorted(names).front().starts_with("test."));
  }
}

SCENARIO("blocks live in the host's memory", "[embedding]") {
  counting_memory memory; // outlives every block
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CAPTURE(how);
  {
    auto options = weir::test::options_for(how);
    options.block.memory = &memory;
    auto job = *weir::testing::stepped_job::make(options);
    const std::string text(100, 'x');
    auto log = std::make_shared<weir::memory_log<std::string_view>>(2);
    auto table = std::make_shared<weir::memory_table<std::string_view>>();
    weir::memory_stream(job.context(), log)
        .filter([](std::string_view t) { return !t.empty(); })
        .repartition(2)
        .to(weir::memory_sink(table));
    log->append_all(std::vector<std::string_view>(5000, text));
    REQUIRE(job.step());
    CHECK(table->rows() == std::vector<std::string>(5000, text));
    CHECK(memory.calls > 0);
    CHECK(memory.outstanding >= 100 * 1000); // at least the blocks that are kept for the next batch
  }
  CHECK(memory.outstanding == 0);
}

SCENARIO("run_ready returns between two blocks once its slice of time is over", "[embedding]") {
  const auto kind = GENERATE(weir::trigger::every, weir::trigger::continuous);
  const weir::duration slice = GENERATE(0ms, 1ms, 10ms, 100ms);
  constexpr int in_a_block = 4;
  constexpr int records = 2'000;
  const auto clock = std::make_shared<weir::manual_clock>();
  auto options = weir::test::options_for();
  options.clock = clock;
  options.trigger = kind;
  options.batch_interval = 20ms;
  options.block.max_records = in_a_block;
  options.slice = slice;
  options.rate_control.enabled = false;
  auto job = *weir::context::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  log->append_all(std::vector<int>(records, 7));
  int done = 0;
  weir::memory_stream(job, log)
      .map([&](int n) { // a batch takes longer than its interval: the job is always behind
        clock->advance(1ms);
        ++done;
        return n;
      })
      .for_each_batch([](const auto&) {});
  REQUIRE(job.start());
  int turns = 0;
  for (int before = 0; done < records && turns < 100'000; before = done, ++turns) {
    REQUIRE(job.run_ready());
    REQUIRE(done - before <= slice / 1ms + in_a_block);
    if (done > before && done < records)
      REQUIRE(job.next_due() <= 20ms);
    if (done == before)
      clock->advance(job.next_due());
  }
  CHECK(done == records);
  CHECK(turns >= records / (slice / 1ms + in_a_block));
  REQUIRE(job.stop(1s));
}
