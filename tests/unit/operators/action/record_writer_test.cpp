// Writers that are opened and closed around each batch.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/fake_sink.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::errc;
using weir::test::every_mode;
using texts = std::vector<std::string>;

namespace {

/// What the writers of a test do; shared by their copies.
struct diary {
  void note(std::string line) {
    std::lock_guard guard(mutex);
    lines.push_back(std::move(line));
  }
  texts of_partition(int partition) {
    std::lock_guard guard(mutex);
    texts found;
    for (const auto& line : lines)
      if (line.starts_with(fmt::format("{}:", partition)))
        found.push_back(line.substr(line.find(':') + 2));
    return found;
  }

  std::mutex mutex;
  texts lines;
  std::string throws_in;        ///< "open", "process" or "close".
  std::optional<int> refuses{}; ///< The partition for which `open` returns false.
};

class noting_writer {
public:
  explicit noting_writer(std::shared_ptr<diary> to) : to_(std::move(to)) {}

  bool open(weir::partition_id partition, const weir::batch& whole) {
    partition_ = static_cast<int>(partition.value);
    say(fmt::format("open {}", weir::milliseconds_of(whole.time) % 1'000'000));
    may_throw("open");
    return to_->refuses != partition_;
  }
  void process(int n) {
    say(fmt::format("process {}", n));
    may_throw("process");
  }
  void close(const weir::error* failure) {
    say(failure ? "close " + std::string(weir::to_string(failure->code())) : "close");
    may_throw("close");
  }

private:
  void say(const std::string& line) { to_->note(fmt::format("{}: {}", partition_, line)); }
  void may_throw(const std::string& where) {
    if (to_->throws_in == where)
      throw std::runtime_error("the writer is out of ink");
  }

  std::shared_ptr<diary> to_;
  int partition_ = -1;
};

struct written_job {
  explicit written_job(weir::test::run_mode how, bool blocking = false)
      : job(*weir::testing::stepped_job::make(weir::test::options_for(how))) {
    in().for_each(noting_writer(said), {.blocking = blocking});
  }
  weir::stream<int> in() { return weir::memory_stream(job.context(), log); }

  std::shared_ptr<diary> said = std::make_shared<diary>();
  std::shared_ptr<weir::memory_log<int>> log = std::make_shared<weir::memory_log<int>>(2);
  weir::testing::stepped_job job;
};

} // namespace

SCENARIO("a writer is opened, fed and closed for each partition of each batch",
         "[operators][for_each]") {
  const auto how = GENERATE(from_range(every_mode()));
  written_job t(how, GENERATE(false, true));
  t.log->append_all({1, 2}, 0);
  REQUIRE(t.job.step());
  t.log->append(3, 1);
  REQUIRE(t.job.step());
  CHECK(t.said->of_partition(0) ==
        texts{"open 601000", "process 1", "process 2", "close", "open 602000", "close"});
  CHECK(t.said->of_partition(1) ==
        texts{"open 601000", "close", "open 602000", "process 3", "close"});
}

SCENARIO("a writer that is not open is given nothing, and closed", "[operators][for_each]") {
  written_job t(GENERATE(from_range(every_mode())));
  t.said->refuses = 0;
  t.log->append(1, 0);
  t.log->append(2, 1);
  REQUIRE(t.job.step());
  CHECK(t.said->of_partition(0) == texts{"open 601000", "close"});
  CHECK(t.said->of_partition(1) == texts{"open 601000", "process 2", "close"});
}

SCENARIO("a writer that throws fails the batch and is closed with the error",
         "[operators][for_each]") {
  const auto how = GENERATE(from_range(every_mode()));
  const std::string where = GENERATE("open", "process");
  written_job t(how);
  t.said->throws_in = where;
  t.log->append(1, 0);
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::user_function_failed);
  CHECK_THAT(report->failure->message(),
             Catch::Contains("'for_each': " + where) && Catch::Contains("out of ink"));
  const auto lines = t.said->of_partition(0);
  if (where == "process" || !lines.empty()) // with `open` the other replica may have failed first
    CHECK(lines.back().starts_with("close "));
  REQUIRE_FALSE(t.job.context().await());
}

SCENARIO("a writer that throws when it is closed fails the batch", "[operators][for_each]") {
  written_job t(GENERATE(from_range(every_mode())));
  t.said->throws_in = "close";
  const auto report = t.job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK_THAT(report->failure->message(), Catch::Contains("'for_each': close"));
}

SCENARIO("a writer whose batch is abandoned half-way is closed with the reason",
         "[operators][for_each][abort]") {
  const auto how = GENERATE(from_range(every_mode()));
  // A union with a stream that stands still: the writer has its record, the batch cannot end.
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<int>>(1);
  auto control = std::make_shared<weir::test::sink_control>();
  auto said = std::make_shared<diary>();
  const auto in = weir::memory_stream(job.context(), log).share();
  in.to(weir::test::to_fake_sink<int>(control));
  in.for_each(noting_writer(said));
  log->append_all(std::vector<int>(1'000'000, 7)); // more than credit for both consumers
  control->shut();
  REQUIRE(job.context().start());
  job.clock().advance(1s);
  job.context().run_ready();
  REQUIRE(control->wait_until_blocked());
  REQUIRE(job.context().stop(0s, weir::stop_mode::abandon));
  const auto lines = said->of_partition(0);
  if (!lines.empty()) { // with actors the writer may not have begun
    CHECK(lines.front() == "open 601000");
    CHECK(lines.back() == "close stopped");
  }
}
