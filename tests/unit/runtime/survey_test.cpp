// A survey that takes long: batches end meanwhile, and the source is told when it has answered.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

#include <condition_variable>
#include <thread>

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

namespace {

/// Shared by the test and the source. Thread-safe.
class slow_survey {
public:
  /// The next survey takes until `go_on`.
  void hold() { set(holds_, true); }
  void go_on() { set(holds_, false); }
  void lose_partitions() {
    set(lost_, true);
    host->wake();
  }

  [[nodiscard]] bool wait_until_held() {
    return wait_for([this] { return held_; });
  }
  [[nodiscard]] bool wait_until_called(const texts& expected) {
    return wait_for([&] { return calls_ == expected; });
  }
  [[nodiscard]] texts calls() const {
    std::lock_guard guard(mutex_);
    return calls_;
  }

  // ---- for the source
  weir::source_host* host = nullptr;
  void note(std::string call) {
    std::lock_guard guard(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    held_ = holds_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !holds_; });
    held_ = false;
  }
  [[nodiscard]] bool take_loss() {
    std::lock_guard guard(mutex_);
    return std::exchange(lost_, false);
  }

private:
  void set(bool& what, bool to) {
    std::lock_guard guard(mutex_);
    what = to;
    changed_.notify_all();
  }
  template <class Done>
  bool wait_for(Done done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, done);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool holds_ = false;
  bool held_ = false;
  bool lost_ = false;
  texts calls_;
};

class surveyed_source final : public weir::source {
public:
  surveyed_source(std::shared_ptr<weir::memory_log<int>> log, std::shared_ptr<slow_survey> by)
      : reads_("surveyed", std::move(log)), by_(std::move(by)) {}

  weir::expected<void> open(const weir::source_setup& setup) override {
    by_->host = setup.host;
    return reads_.open(setup);
  }
  std::unique_ptr<weir::receiver> make_receiver(std::uint32_t replica) override {
    return reads_.make_receiver(replica);
  }
  void poll() override {
    if (by_->take_loss())
      by_->host->quiesce(weir::quiesce_kind::lost, 0s, [by = by_] { by->note("lost"); });
  }
  weir::expected<std::vector<weir::partition_position>> survey() override {
    by_->note("survey");
    by_->pass();
    auto unread = reads_.survey();
    by_->note("surveyed");
    return unread;
  }
  weir::source_batch plan(const std::vector<weir::partition_position>& unread,
                          const std::vector<std::optional<std::uint64_t>>& limits) override {
    by_->note("plan");
    return reads_.plan(unread, limits);
  }
  void completed(const weir::batch& whole, const weir::source_batch& work) override {
    by_->note(fmt::format("completed {}", whole.epoch));
    reads_.completed(whole, work);
  }
  void rewind(const weir::source_batch& first) override {
    by_->note("rewind");
    reads_.rewind(first);
  }
  weir::expected<void> close(weir::duration) override { return {}; }

private:
  weir::detail::memory_source<int> reads_;
  std::shared_ptr<slow_survey> by_;
};

/// A job whose first batch is held open by its sink while the second one is being surveyed.
struct surveyed_job {
  surveyed_job() {
    auto in = weir::add_source<int>(
        job.context(), {.label = "surveyed",
                        .make = [this] { return std::make_unique<surveyed_source>(log, survey); }});
    in.to(weir::test::to_fake_sink<int>(sink));
    log->append(1);
    sink->shut();
    REQUIRE(job.context().start());
    job.clock().advance(1s);
    REQUIRE(sink->wait_until_blocked());
    survey->hold();
    job.clock().advance(1s);
    REQUIRE(survey->wait_until_held());
    CHECK(survey->calls() == so_far);
  }

  /// Waits until so many batches have ended.
  bool wait_for_reports(std::size_t n) {
    for (int i = 0; i < 10'000 && job.reports().size() < n; ++i)
      std::this_thread::sleep_for(1ms);
    return job.reports().size() >= n;
  }

  const texts so_far = {"survey", "surveyed", "plan", "survey"};
  std::shared_ptr<weir::memory_log<int>> log = std::make_shared<weir::memory_log<int>>();
  std::shared_ptr<slow_survey> survey = std::make_shared<slow_survey>();
  std::shared_ptr<weir::test::sink_control> sink = std::make_shared<weir::test::sink_control>();
  weir::testing::stepped_job job = *weir::testing::stepped_job::make(
      weir::test::options_for({.executor = weir::executor_kind::actors}));
};

} // namespace

SCENARIO("a batch that ends during a survey is over, but its source hears of it afterwards",
         "[runtime][source]") {
  surveyed_job t;
  t.sink->reopen();
  REQUIRE(t.wait_for_reports(1));
  CHECK_FALSE(t.job.reports()[0].failure);
  CHECK(t.survey->calls() == t.so_far);
  t.survey->go_on();
  REQUIRE(t.wait_for_reports(2));
  REQUIRE(t.survey->wait_until_called(
      {"survey", "surveyed", "plan", "survey", "surveyed", "completed 1", "plan", "completed 2"}));
  CHECK(t.sink->count("write 1") == 1);
}

SCENARIO("a batch that is aborted during a survey is rewound afterwards", "[runtime][source]") {
  surveyed_job t;
  t.survey->lose_partitions();
  REQUIRE(t.wait_for_reports(1));
  REQUIRE(t.job.reports()[0].failure);
  CHECK(t.job.reports()[0].failure->code() == weir::errc::partitions_lost);
  CHECK(t.survey->calls() == t.so_far);
  t.sink->reopen();
  t.survey->go_on();
  REQUIRE(t.survey->wait_until_called(
      {"survey", "surveyed", "plan", "survey", "surveyed", "rewind", "lost"}));
  const auto again = t.job.step();
  REQUIRE(again);
  CHECK_FALSE(again->failure);
  CHECK(again->records == 1);
  CHECK(t.sink->count("commit") == 1);
}
