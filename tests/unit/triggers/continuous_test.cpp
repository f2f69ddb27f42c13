// Epochs: records flow as they arrive, barriers follow every interval.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::test::run_mode;

namespace {

weir::context_options continuous(run_mode how) {
  auto options = weir::test::options_for(how);
  options.trigger = weir::trigger::continuous;
  return options;
}

/// Does what can be done until `reached`, at most ten seconds of real time. The clock stands still.
template <class Reached>
bool run_until(weir::context& job, Reached reached) {
  for (int i = 0; i < 10'000; ++i) {
    (void)job.run_ready();
    if (reached())
      return true;
    if (job.options().executor == weir::executor_kind::in_line)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

/// A sink that shows what it is given as it comes. Thread-safe.
class seen_rows {
public:
  weir::sink_factory<int> sink() {
    return {.traits = {.name = "seen"}, .make = [this] { return std::make_unique<taker>(*this); }};
  }
  std::vector<int> rows() const {
    std::lock_guard guard(mutex_);
    return rows_;
  }
  std::vector<std::string> calls() const {
    std::lock_guard guard(mutex_);
    return calls_;
  }

private:
  struct taker final : weir::sink<int> {
    explicit taker(seen_rows& shown) : to(shown) {}
    weir::expected<void> begin(const weir::batch& whole) override {
      return note(fmt::format("begin {}", whole.epoch));
    }
    weir::expected<weir::progress> write(const weir::sink_block<int>& in,
                                         std::size_t& written) override {
      std::lock_guard guard(to.mutex_);
      to.rows_.insert(to.rows_.end(), in.records.begin(), in.records.end());
      written = in.records.size();
      return weir::progress::done;
    }
    weir::expected<weir::progress> commit() override {
      (void)note("commit");
      return weir::progress::done;
    }
    weir::expected<void> note(std::string call) {
      std::lock_guard guard(to.mutex_);
      to.calls_.push_back(std::move(call));
      return {};
    }
    seen_rows& to;
  };
  mutable std::mutex mutex_;
  std::vector<int> rows_;
  std::vector<std::string> calls_;
};

} // namespace

SCENARIO("records reach the sink while their epoch is open", "[triggers][continuous]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  auto job = *weir::testing::stepped_job::make(continuous(how));
  auto log = std::make_shared<weir::memory_log<int>>(2);
  seen_rows seen;
  weir::memory_stream(job.context(), log)
      .map([](int n) { return n * 10; })
      .filter([](int n) { return n != 20; })
      .repartition(2)
      .to(seen.sink());
  REQUIRE(job.context().start());
  log->append_all({1, 2}, 0);
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10}; }));
  log->append(3, 1);
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10, 30}; }));
  CHECK(job.reports().empty());
  CHECK(seen.calls() == std::vector<std::string>{"begin 1"});

  const auto report = job.step();
  REQUIRE(report);
  CHECK(report->epoch == weir::epoch(1));
  CHECK(report->time == weir::batch_time(1'767'225'601s));
  CHECK(report->records == 3);
  using ranges = std::vector<weir::offset_range>;
  CHECK(report->sources[0].ranges == ranges{{"memory", 0, 0, 2, 2}, {"memory", 1, 0, 1, 1}});

  log->append(4);
  CHECK(run_until(job.context(), [&] { return seen.rows() == std::vector{10, 30, 40}; }));
  const auto second = job.step();
  REQUIRE(second);
  CHECK(second->time == weir::batch_time(1'767'225'602s));
  CHECK(second->sources[0].ranges == ranges{{"memory", 0, 2, 3, 3}, {"memory", 1, 1, 1, 1}});
  REQUIRE(job.context().stop());
  const auto calls = seen.calls();
  REQUIRE(calls.size() >= 4);
  CHECK(std::vector(calls.begin(), calls.begin() + 4) ==
        std::vector<std::string>{"begin 1", "commit", "begin 2", "commit"});
}
