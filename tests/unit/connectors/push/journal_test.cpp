// Receivers with a write-ahead log: what is acknowledged when, what a restart finds, a full disk.
#include <weir/connectors/push/inlet.hpp>
#include <weir/connectors/push/receiver.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/memory_disk.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace std::chrono_literals;
using weir::push_result;
using weir::test::every_mode;
using weir::test::options_for;

namespace {

using strings = std::vector<std::string>;

/// A folder for the length of a test.
struct folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("weir-journal-" + std::to_string(::getpid()));
  folder() { std::filesystem::remove_all(path); }
  ~folder() { std::filesystem::remove_all(path); }
};

bool soon(const std::function<bool()>& done) {
  for (int i = 0; i < 10'000 && !done(); ++i)
    std::this_thread::sleep_for(1ms);
  return done();
}

/// A process with one inlet that is logged.
struct process {
  weir::inlet<std::string> in;
  std::shared_ptr<weir::memory_table<std::string>> table =
      std::make_shared<weir::memory_table<std::string>>();
  weir::testing::stepped_job job;

  explicit process(const folder& at, weir::test::run_mode how = {})
      : in({.name = "in", .write_ahead_log = weir::write_ahead<std::string>(at.path)}),
        job(*weir::testing::stepped_job::make(options_for(how))) {
    weir::inlet_stream(job.context(), in).to(weir::memory_sink(table));
  }
  void step() {
    const auto report = job.step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
  }
};

/// The host of a journal that has no job.
struct host final : weir::source_host {
  weir::manual_clock time;
  void quiesce(weir::quiesce_kind, weir::duration, std::function<void()>) override {}
  void run_blocking(std::function<void()>, std::function<void()>) override {}
  void wake() override {}
  void fail(weir::error) override {}
  void log(weir::log_level, std::string_view, std::string_view) override {}
  weir::clock& clock() override { return time; }
};

void encode(const void* record, std::string& out) {
  weir::codec<int>::encode(*static_cast<const int*>(record), out);
}

} // namespace

SCENARIO("what was received and not finished is read first by the next process", "[push][wal]") {
  const auto how = GENERATE(from_range(every_mode()));
  const folder at;
  {
    process first(at, how);
    CHECK(first.in.try_push("too early") == push_result::closed);
    first.step();
    REQUIRE(first.in.push("a"));
    first.step();
    CHECK(first.table->rows() == strings{"a"});
    REQUIRE(first.in.push("b"));
    REQUIRE(first.in.push("c"));
    REQUIRE(first.job.context().stop(1s, weir::stop_mode::abandon));
  }
  {
    process second(at, how);
    REQUIRE(second.job.context().start());
    REQUIRE(second.in.push("d"));
    second.step();
    CHECK(second.table->rows() == strings{"b", "c", "d"});
    REQUIRE(second.job.context().stop());
    REQUIRE(second.in.push("not now").error().code() == weir::errc::stopped);
    second.step(); // the same process starts again: nothing twice
    REQUIRE(second.in.push("e"));
    second.step();
    CHECK(second.table->rows() == strings{"b", "c", "d", "e"});
    REQUIRE(second.job.context().stop());
  }
  process third(at, how);
  third.step();
  CHECK(third.table->rows().empty());
}

SCENARIO("what was cut off a torn log is said once, in the log and in the first report",
         "[push][wal]") {
  const folder at;
  {
    process first(at);
    REQUIRE(first.job.context().start());
    REQUIRE(first.in.push("kept"));
    first.step();
    REQUIRE(first.in.push(std::string(100, 'x')));
    REQUIRE(first.job.context().stop(1s, weir::stop_mode::abandon));
  }
  std::filesystem::path last;
  for (const auto& each : std::filesystem::directory_iterator(at.path / "in-0"))
    if (each.path().extension() == ".wal")
      last = std::max(last, each.path());
  const auto size = std::filesystem::file_size(last);
  std::filesystem::resize_file(last, size - 30);
  process second(at);
  const auto report = second.job.step();
  REQUIRE(report);
  REQUIRE(report->sources[0].errors.size() == 1);
  const auto said = report->sources[0].errors[0].to_string();
  CHECK_THAT(said, Catch::Contains((at.path / "in-0").string()) &&
                       Catch::Contains("was cut off in segment " + last.filename().string()) &&
                       Catch::Contains(" bytes there were torn"));
  CHECK(second.job.step()->sources[0].errors.empty());
}

SCENARIO("a log with a flipped bit is refused at the start, with folder, segment and byte",
         "[push][wal]") {
  const folder at;
  {
    process first(at);
    REQUIRE(first.job.context().start());
    REQUIRE(first.in.push("acknowledged"));
    REQUIRE(first.job.context().stop(1s, weir::stop_mode::abandon));
  }
  std::filesystem::path segment;
  for (const auto& each : std::filesystem::directory_iterator(at.path / "in-0"))
    if (each.path().extension() == ".wal")
      segment = each.path();
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-3, std::ios::end);
    const auto byte = static_cast<char>(file.get());
    file.seekp(-3, std::ios::end);
    file.put(static_cast<char>(byte ^ 4));
  }
  process second(at);
  const auto refused = second.job.context().start();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == weir::errc::decode);
  CHECK_THAT(
      refused.error().to_string(),
      Catch::Contains((at.path / "in-0").string()) &&
          Catch::Contains("damaged in segment " + segment.filename().string() + " at byte "));
}

SCENARIO("records that are views are logged as what they show", "[push][wal]") {
  const auto log = weir::write_ahead<std::string_view>("somewhere");
  const std::string_view text = "a view";
  std::string bytes;
  log.encode(&text, bytes);
  std::string_view in = bytes;
  std::string found;
  REQUIRE(log.decode(in, &found, [](void* to, const void* record) {
    *static_cast<std::string*>(to) = *static_cast<const std::string_view*>(record);
  }));
  CHECK(found == "a view");
}

SCENARIO("a group is acknowledged when the log has it, and what is sent again is taken once",
         "[push][wal]") {
  const auto how = GENERATE(from_range(every_mode()));
  const folder at;
  auto table = std::make_shared<weir::memory_table<int>>();
  for (int life = 0; life < 2; ++life) {
    auto job = *weir::testing::stepped_job::make(options_for(how));
    std::atomic<int> acknowledged = 0;
    struct sender final : weir::push_receiver<int> {
      std::atomic<int>* acknowledged;
      weir::expected<void> on_start(weir::receiver_handle<int> to) override {
        const auto count = [this] { ++*acknowledged; };
        if (auto one = to.store_reliably(std::vector{1, 2}, count, {"wire", 2}); !one)
          return one;
        return to.store_reliably(std::vector{3}, count, {"wire", 3});
      }
    };
    weir::receiver_stream<int>(
        job.context(),
        [&](std::uint32_t) {
          auto made = std::make_unique<sender>();
          made->acknowledged = &acknowledged;
          return made;
        },
        {.push = {.name = "wire", .write_ahead_log = weir::write_ahead<int>(at.path)}})
        .to(weir::memory_sink(table));
    REQUIRE(job.context().start());
    REQUIRE(soon([&] {
      (void)job.context().run_ready();
      job.clock().advance(1ms);
      return acknowledged == 2;
    }));
    CHECK(table->rows().empty()); // before any batch
    if (life == 0) {
      REQUIRE(job.context().stop(1s, weir::stop_mode::abandon));
      continue;
    }
    REQUIRE(job.context().stop());
    CHECK(table->rows() == std::vector{1, 2, 3});
  }
}

SCENARIO("a full disk stops the receiving until another segment can be written", "[push][wal]") {
  weir::test::disk on;
  host job;
  auto log = *weir::detail::journal::open(std::make_unique<weir::test::memory_folder>(on), "s");
  std::atomic<std::int64_t> durable = 0;
  log->begin(job, "log0", [&](std::int64_t until) { durable = until; });
  int n = 7;
  REQUIRE(log->add(0, &n, &encode));
  log->flush();
  CHECK(soon([&] { return durable == 1; }));
  CHECK(log->accepts());

  on.fail_in = 1;
  REQUIRE(log->add(1, &n, &encode));
  log->flush(); // comes back although it is not durable
  CHECK_FALSE(log->accepts());
  CHECK(durable == 1);
  on.fail_in = -1;
  CHECK(soon([&] {
    job.time.advance(100ms);
    return log->accepts();
  }));
  CHECK(durable == 2);
  const auto errors = log->take_errors();
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0].to_string(), Catch::Contains("No space left"));
  log->end();
  auto again = *weir::write_ahead_log::open(std::make_unique<weir::test::memory_folder>(on), "s");
  CHECK(again.take_recovery().next == 2);
}

SCENARIO("more than a volume holds goes through a full one", "[push][wal]") {
  const bool one_segment = GENERATE(true, false); // what fills it is all in the newest one, or not
  weir::test::disk on;
  host job;
  auto log = *weir::detail::journal::open(std::make_unique<weir::test::memory_folder>(on), "s");
  on.room = on.taken() + (one_segment ? 400'000 : 900'000);
  const auto records = weir::write_ahead<std::string>("unused");
  weir::detail::push_buffer<std::string> buffer;
  buffer.attach({.bytes = 4 << 20, .block = {}, .block_interval = 1ms}, job.time, nullptr,
                log.get(), records);
  log->begin(job, "log0", [&](std::int64_t until) { buffer.durable(until); });
  std::int64_t pushed = 0;
  std::int64_t complete = 0;
  CHECK(soon([&] {
    while (pushed < 5'000 && buffer.try_push(std::string(999, 'x')) == push_result::taken)
      ++pushed;
    job.time.advance(100ms);
    complete = buffer.plan(buffer.received(), std::nullopt); // a batch, and it is complete
    buffer.complete(complete);
    return complete == 5'000;
  }));
  CHECK(complete == 5'000); // 5 MB
  buffer.detach();
  log->end();
  CHECK(buffer.release_log() == 0);
}

SCENARIO("a group waits 10 ms of the clock, then a frame says that it is durable", "[push][wal]") {
  weir::test::disk on;
  host job;
  auto log = *weir::detail::journal::open(std::make_unique<weir::test::memory_folder>(on), "s");
  std::atomic<std::int64_t> durable = 0;
  log->begin(job, "log0", [&](std::int64_t until) { durable = until; });
  int n = 7;
  REQUIRE(log->add(0, &n, &encode));
  std::this_thread::sleep_for(5ms); // time stands still: nothing may happen
  CHECK(durable == 0);
  CHECK(soon([&] {
    job.time.advance(1ms);
    return durable == 1;
  }));
  log->end();
}

SCENARIO("logs of more receivers, or of another type, are refused", "[push][wal]") {
  const folder at;
  const auto started = [&](std::uint32_t receivers, weir::write_ahead_options log) {
    struct idle final : weir::push_receiver<int> {
      weir::expected<void> on_start(weir::receiver_handle<int>) override { return {}; }
    };
    auto job = *weir::testing::stepped_job::make(options_for());
    weir::receiver_stream<int>(
        job.context(), [](std::uint32_t) { return std::make_unique<idle>(); },
        {.push = {.name = "wire", .write_ahead_log = std::move(log)}, .receivers = receivers})
        .to(weir::memory_sink(std::make_shared<weir::memory_table<int>>()));
    auto done = job.context().start();
    return done ? std::string("ok") : done.error().to_string();
  };
  CHECK(started(2, weir::write_ahead<int>(at.path)) == "ok");
  CHECK(started(2, weir::write_ahead<int>(at.path)) == "ok");
  CHECK_THAT(started(1, weir::write_ahead<int>(at.path)),
             Catch::Contains("was written with more than the 1 receivers of 'wire' now"));
  CHECK_THAT(started(2, weir::write_ahead<long>(at.path)),
             Catch::Contains("weir::write_ahead<T>(folder)"));
}

SCENARIO("what the log could not take is told, kept, and logged by the next start", "[push][wal]") {
  const auto how = GENERATE(from_range(every_mode()));
  const folder at;
  const auto log = at.path / "in-0";
  const auto away = at.path / "away";
  {
    process one(at, how);
    REQUIRE(one.job.context().start());
    std::filesystem::rename(log, away); // no segment can be made
    for (const auto* word : {"a", "b", "c"})
      REQUIRE(one.in.push(word));
    const auto report = one.job.step(); // finds out
    REQUIRE(report);
    CHECK(report->records == 0);
    CHECK(one.in.try_push("d") == push_result::full);
    std::atomic<bool> refused = false;
    std::jthread waits([&] { refused = !one.in.push("e"); });
    const auto left = one.job.context().stop(0s);
    REQUIRE(left);
    CHECK_FALSE(left->in_time);
    CHECK(left->records_left == 3);
    waits.join();
    CHECK(refused);

    std::filesystem::rename(away, log); // there is room again
    one.step();
    CHECK(one.table->rows() == strings{"a", "b", "c"});
    REQUIRE(one.in.push("f"));
    REQUIRE(one.in.push("g"));
    REQUIRE(one.job.context().stop(1s, weir::stop_mode::abandon));
  }
  process two(at, how); // all of it is in the log now
  two.step();
  CHECK(two.table->rows() == strings{"f", "g"});
}

SCENARIO("a push waits while the disk fails", "[push][wal]") {
  const folder at;
  const auto log = at.path / "in-0";
  const auto away = at.path / "away";
  process one(at);
  REQUIRE(one.job.context().start());
  std::filesystem::rename(log, away);
  REQUIRE(one.in.push("a"));
  one.step();
  std::jthread waits([&] { CHECK(one.in.push("b")); });
  CHECK(one.in.try_push("c") == push_result::full);
  std::filesystem::rename(away, log);
  std::atomic<bool> room = false;
  one.in.when_room([&] { room = true; });
  CHECK(soon([&] {
    one.job.clock().advance(100ms);
    return room.load();
  }));
  waits.join();
  one.step();
  CHECK(one.table->rows() == strings{"a", "b"});
}

SCENARIO("a log that was written as another type is refused", "[push][wal]") {
  const folder at;
  {
    process one(at);
    one.step();
    REQUIRE(one.in.push("fifteen letters"));
    REQUIRE(one.job.context().stop(1s, weir::stop_mode::abandon));
  }
  auto job = *weir::testing::stepped_job::make(options_for());
  const weir::inlet<double> in(
      {.name = "in", .write_ahead_log = weir::write_ahead<double>(at.path)});
  weir::inlet_stream(job.context(), in)
      .to(weir::memory_sink(std::make_shared<weir::memory_table<double>>()));
  const auto started = job.context().start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == weir::errc::decode);
  CHECK_THAT(started.error().to_string(),
             Catch::Contains("11 bytes are left behind the last of 1 records"));
}
