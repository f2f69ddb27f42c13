// What a job promises its sources: when they are asked, told and interrupted.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::errc;
using weir::expected;
using weir::quiesce_kind;
using texts = std::vector<std::string>;

namespace {

/// What a fake source is told to do, and what it was asked. In line only: everything is on the
/// test's thread.
struct source_script {
  std::int64_t latest = 0; ///< Records there are: 0, 1, 2, ...
  std::int64_t position = 0;
  std::int64_t hold_at = -1; ///< The receiver finds nothing from this record on.
  bool ready = true;
  bool present = true; ///< Whether there is a batch at the next time at all.
  std::string fail_in; ///< "open", "survey", "begin" or "receive".
  texts calls;
  weir::source_host* host = nullptr;
  std::function<void()> wake;

  expected<void> enter(const std::string& call) {
    if (fail_in == call)
      return weir::error(errc::source_failed, "the fake source fails in " + call);
    return {};
  }
};

class fake_receiver final : public weir::receiver {
public:
  explicit fake_receiver(source_script& s) : script_(&s) {}
  expected<void> open(const weir::replica_context& context) override {
    script_->wake = context.wake;
    return {};
  }
  expected<void> begin(const weir::batch&, const weir::source_batch& work) override {
    left_ = work.ranges.empty() ? weir::offset_range{} : work.ranges[0];
    return script_->enter("begin");
  }
  expected<weir::received> receive(weir::emitter& out) override {
    if (auto entered = script_->enter("receive"); !entered)
      return std::move(entered).error();
    if (left_.empty())
      return weir::received::complete;
    if (left_.from == script_->hold_at)
      return weir::received::nothing;
    weir::block_builder<int> one;
    one.push(static_cast<int>(left_.from), left_.from);
    ++left_.from;
    out.emit(weir::partition_id(0), one.build());
    return weir::received::records;
  }
  void abort() noexcept override {
    script_->calls.emplace_back("receiver aborted");
    left_ = {};
  }

private:
  source_script* script_;
  weir::offset_range left_;
};

class fake_source final : public weir::source {
public:
  explicit fake_source(source_script& s) : script_(&s) {}
  expected<void> open(const weir::source_setup& setup) override {
    script_->host = setup.host;
    return script_->enter("open");
  }
  std::unique_ptr<weir::receiver> make_receiver(std::uint32_t) override {
    return std::make_unique<fake_receiver>(*script_);
  }
  [[nodiscard]] bool ready() const override { return script_->ready; }
  expected<std::vector<weir::partition_position>> survey() override {
    if (auto entered = script_->enter("survey"); !entered)
      return std::move(entered).error();
    return std::vector<weir::partition_position>{{"fake", 0, script_->position, script_->latest}};
  }
  weir::source_batch plan(const std::vector<weir::partition_position>& unread,
                          const std::vector<std::optional<std::uint64_t>>&) override {
    weir::source_batch work{.name = {}, .present = script_->present, .ranges = {}};
    for (const auto& p : unread) {
      work.ranges.push_back({p.topic, p.partition, p.position, p.latest, p.latest});
      script_->position = p.latest;
    }
    return work;
  }
  void completed(const weir::batch&, const weir::source_batch& work) override {
    if (!work.ranges.empty())
      script_->calls.push_back(
          fmt::format("completed [{}, {})", work.ranges[0].from, work.ranges[0].until));
  }
  void rewind(const weir::source_batch& first) override {
    script_->position = first.ranges.empty() ? script_->position : first.ranges[0].from;
    script_->calls.push_back(fmt::format("rewound to {}", script_->position));
  }
  expected<void> close(weir::duration) override {
    script_->calls.emplace_back("closed");
    return {};
  }

private:
  source_script* script_;
};

/// A fake source into a fake sink.
struct fake_job {
  fake_job() { in.to(weir::test::to_fake_sink<int>(sink)); }
  source_script script;
  std::shared_ptr<weir::test::sink_control> sink = std::make_shared<weir::test::sink_control>();
  weir::testing::stepped_job job = *weir::testing::stepped_job::make(weir::test::options_for());
  weir::stream<int> in = weir::add_source<int>(
      job.context(), {.label = "fake",
                      .make = [this] { return std::make_unique<fake_source>(script); },
                      .max_replicas = 1,
                      .mistakes = {}});
};

} // namespace

SCENARIO("a source hears of each complete batch, and is closed at the end", "[runtime][source]") {
  fake_job t;
  t.script.latest = 2;
  REQUIRE(t.job.step());
  t.script.latest = 3;
  REQUIRE(t.job.step());
  REQUIRE(t.job.context().stop());
  CHECK(t.script.calls == texts{"completed [0, 2)", "completed [2, 3)", "closed"});
}

SCENARIO("a source that cannot open keeps the job from starting", "[runtime][source]") {
  fake_job t;
  t.script.fail_in = "open";
  const auto started = t.job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message() == "source 'fake': the fake source fails in open");
  CHECK(t.script.calls == texts{"closed"});
  CHECK(t.sink->calls().empty());
}

SCENARIO("a source that cannot be surveyed ends the job", "[runtime][source]") {
  fake_job t;
  REQUIRE(t.job.step());
  t.script.fail_in = "survey";
  const auto next = t.job.step();
  REQUIRE_FALSE(next);
  CHECK(next.error().message() == "source 'fake': the fake source fails in survey");
  CHECK_FALSE(t.job.context().running());
}

SCENARIO("a receiver that fails aborts the batch and sends the source back", "[runtime][source]") {
  fake_job t;
  t.script.latest = 2;
  t.script.fail_in = GENERATE("begin", "receive");
  const auto report = t.job.step();
  REQUIRE(report);
  CHECK(report->failure->code() == errc::source_failed);
  CHECK_FALSE(t.job.context().await());
  CHECK(t.script.calls == texts{"receiver aborted", "rewound to 0", "closed"});
}

SCENARIO("empty batches run while a source is not ready", "[runtime][source]") {
  fake_job t;
  t.script.latest = 2;
  t.script.ready = false;
  const auto report = *t.job.step();
  CHECK(report.records == 0);
  CHECK(report.sources[0].ranges.empty());
  t.script.ready = true;
  CHECK(t.job.step()->records == 2);
}

SCENARIO("a missing batch stays missing, and sinks do not hear of it", "[runtime][source]") {
  fake_job t;
  auto keyed = std::make_shared<weir::test::sink_control>();
  t.in.map([](int n) { return std::pair(n, 1); })
      .reduce_by_key(std::plus<>{})
      .map([](const std::pair<int, int>& p) { return p.second; })
      .to(weir::test::to_fake_sink<int>(keyed));
  t.script.present = false;
  const auto missing = t.job.step();
  REQUIRE(missing);
  CHECK_FALSE(missing->failure);
  CHECK(t.sink->calls() == texts{"open"});
  CHECK(keyed->calls() == texts{"open"});
  t.script.present = true;
  REQUIRE(t.job.step());
  CHECK(t.sink->count("commit") == 1);
  CHECK(keyed->count("commit") == 1);
}

SCENARIO("a missing batch is an error for operators that need all their inputs",
         "[runtime][source]") {
  fake_job t;
  t.in.count().for_each_batch([](const weir::batch_view<std::int64_t>&) {});
  t.script.present = false;
  const auto missing = t.job.step();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == errc::invalid_graph);
  CHECK_THAT(missing.error().message(), Catch::Contains("count"));
}

SCENARIO("a receiver that waits for data is called again after its wake-up", "[runtime][source]") {
  fake_job t;
  t.script.latest = 3;
  t.script.hold_at = 1;
  CHECK(t.job.step().error().code() == errc::timed_out);
  CHECK(t.sink->count("write 0") == 1);
  t.script.hold_at = -1;
  t.script.wake();
  t.job.context().run_ready();
  REQUIRE(t.job.reports().size() == 1);
  CHECK(t.job.reports()[0].records == 3);
}

SCENARIO("partitions that are lost abort the open batch, and reading goes on from its beginning",
         "[runtime][source]") {
  fake_job t;
  t.script.latest = 3;
  t.script.hold_at = 2;
  CHECK_FALSE(t.job.step());
  t.script.latest = 5;
  CHECK_FALSE(t.job.step()); // a second batch waits
  bool changed = false;
  t.script.host->quiesce(quiesce_kind::lost, 5s, [&] { changed = true; });
  t.job.context().run_ready();
  CHECK(changed);
  CHECK(t.sink->count("commit") == 0);
  CHECK(t.sink->count("abort") == 1);
  CHECK(t.script.calls == texts{"receiver aborted", "rewound to 0"});
  REQUIRE(t.job.reports().size() == 1);
  CHECK(t.job.reports()[0].failure->code() == errc::partitions_lost);
  t.script.hold_at = -1;
  const auto again = *t.job.step();
  CHECK_FALSE(again.failure);
  CHECK(again.records == 5);
  THEN("nothing is left behind when the job is drained") {
    CHECK(t.job.context().stop()->batches_left == 0);
  }
}

SCENARIO("partitions that are still owned let the open batch finish first", "[runtime][source]") {
  fake_job t;
  t.script.latest = 3;
  t.script.hold_at = 2;
  CHECK_FALSE(t.job.step());
  t.script.latest = 5;
  CHECK_FALSE(t.job.step());
  bool changed = false;
  t.script.host->quiesce(quiesce_kind::finish, 5s, [&] { changed = true; });
  t.job.context().run_ready();
  CHECK_FALSE(changed);
  WHEN("it can end in time") {
    t.script.hold_at = -1;
    t.script.wake();
    t.job.context().run_ready();
    THEN("it is complete, and only what waited is planned again") {
      CHECK(changed);
      CHECK(t.script.calls == texts{"completed [0, 3)", "rewound to 3"});
      CHECK(t.job.step()->records == 2);
    }
  }
  WHEN("the deadline passes") {
    t.job.clock().advance(5s);
    t.job.context().run_ready();
    THEN("it is aborted") {
      CHECK(changed);
      CHECK(t.script.calls == texts{"receiver aborted", "rewound to 0"});
    }
  }
}

SCENARIO("a source can end the job with an error", "[runtime][source]") {
  fake_job t;
  REQUIRE(t.job.step());
  t.script.host->fail(weir::error(errc::fenced, "another owner"));
  t.job.context().run_ready();
  const auto ended = t.job.context().await();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code() == errc::fenced);
}
