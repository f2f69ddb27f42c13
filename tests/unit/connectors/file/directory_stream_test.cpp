// A directory watched for new files: which are read, in which batch, and what stands in the way.
#include <weir/connectors/file/dead_letter_files.hpp>
#include <weir/connectors/file/internal/directory_source.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/scratch_directory.hpp>
#include <tests/support/source_harness.hpp>

#include <fcntl.h>
#include <sys/stat.h>

using namespace std::chrono_literals;
using weir::directory_options;
using weir::errc;
using weir::unreadable_input;
using weir::test::scratch_directory;
using texts = std::vector<std::string>;

namespace {

/// A job that keeps the lines of a directory.
struct watch {
  scratch_directory dir;
  weir::testing::stepped_job job;
  std::shared_ptr<weir::memory_table<std::string_view>> table =
      std::make_shared<weir::memory_table<std::string_view>>();

  explicit watch(directory_options options = {}, weir::test::run_mode how = {})
      : job(*weir::testing::stepped_job::make(weir::test::options_for(how))) {
    weir::directory_stream(job.context(), dir.text(), std::move(options))
        .to(weir::memory_sink(table));
  }

  weir::batch_report step() {
    const auto report = job.step();
    INFO(weir::testing_support::outcome_of(report));
    REQUIRE(report);
    return *report;
  }

  /// The lines of the batches so far, sorted: files of one batch are read at the same time.
  [[nodiscard]] texts lines() const { return weir::test::sorted(table->rows()); }
};

/// Names of the files of a batch.
texts names(const weir::batch_report& report) {
  texts found;
  for (const auto& range : report.sources[0].ranges)
    found.push_back(range.topic);
  return found;
}

/// Does something after a batch has been planned and before it starts.
struct when_planned final : weir::listener {
  std::function<void()> act;
  explicit when_planned(std::function<void()> what) : act(std::move(what)) {}
  void on_submitted(const weir::batch&) override { act(); }
};

} // namespace

SCENARIO("files that appear are read once, in the next batch", "[connectors][file][directory]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  watch t({}, how);
  t.dir.add("old.txt", "was there before the start\n");
  CHECK(names(t.step()).empty());
  t.dir.add("a.txt", "one\ntwo\n");
  t.dir.add("b.txt", "three\n");
  const auto second = t.step();
  CHECK(second.records == 3);
  CHECK(second.sources[0].ranges ==
        std::vector<weir::offset_range>{{"a.txt", 0, 0, 8, 8}, {"b.txt", 1, 0, 6, 6}});
  CHECK(t.lines() == texts{"one", "three", "two"});
  CHECK(t.step().records == 0);
  t.dir.add("c.txt", "four\n");
  const auto fourth = t.step();
  CHECK(names(fourth) == texts{"c.txt"});
  CHECK(fourth.sources[0].ranges[0].partition == 2);
  CHECK(t.lines() == texts{"four", "one", "three", "two"});
}

SCENARIO("a file is read in order, over many blocks", "[connectors][file][directory]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  watch t({}, how);
  t.step();
  std::string content;
  texts expected;
  for (int i = 0; i < 30'000; ++i) {
    expected.push_back(fmt::format("line {}", i));
    content += expected.back() + "\n";
  }
  t.dir.add("long.txt", content);
  CHECK(t.step().records == 30'000);
  CHECK(t.table->rows() == expected);
}

SCENARIO("files wait in order of modification time, then name", "[connectors][file][directory]") {
  watch t({.new_files_only = false, .max_files_per_batch = 2});
  t.dir.add("c", "1\n", 100);
  t.dir.add("b", "22\n", 300);
  t.dir.add("a", "333\n", 300);
  t.dir.add("d", "4444\n", 200);
  const auto first = t.step();
  CHECK(names(first) == texts{"c", "d"});
  CHECK(first.sources[0].lag == 7); // bytes of a and b
  t.dir.add("e", "55555\n", 50);    // older than what waits, but found later
  const auto second = t.step();
  CHECK(names(second) == texts{"a", "b"});
  CHECK(second.sources[0].lag == 0); // enough waited: there was no need to look
  CHECK(names(t.step()) == texts{"e"});
}

SCENARIO("hidden names, symbolic links and names of another pattern are left alone",
         "[connectors][file][directory]") {
  const bool recursive = GENERATE(false, true);
  scratch_directory outside;
  outside.add("secret.csv", "secret\n");
  watch t({.pattern = "*.csv", .recursive = recursive});
  t.step();
  t.dir.add("yes.csv", "1\n");
  t.dir.add("no.txt", "2\n");
  t.dir.add(".hidden.csv", "3\n");
  t.dir.add("below/deep/yes.csv", "4\n");
  t.dir.add(".below/no.csv", "5\n");
  std::filesystem::create_symlink(outside.path() / "secret.csv", t.dir.path() / "link.csv");
  std::filesystem::create_directory_symlink(outside.path(), t.dir.path() / "linked");
  CHECK(weir::test::sorted(names(t.step())) ==
        (recursive ? texts{"below/deep/yes.csv", "yes.csv"} : texts{"yes.csv"}));
  CHECK(t.lines() == (recursive ? texts{"1", "4"} : texts{"1"}));
}

SCENARIO("a link that takes the place of a file or directory is not followed",
         "[connectors][file][directory]") {
  scratch_directory outside;
  outside.add("f", "secret\n");
  watch t({.recursive = true});
  t.dir.add("below/old", "");
  const std::string name = GENERATE("f", "below/f");
  t.job.context().add_listener(std::make_shared<when_planned>([&] {
    const auto replaced = t.dir.path() / (name == "f" ? "f" : "below");
    if (std::filesystem::exists(t.dir.path() / name)) {
      std::filesystem::remove_all(replaced);
      std::filesystem::create_symlink(name == "f" ? outside.path() / "f" : outside.path(),
                                      replaced);
    }
  }));
  t.step();
  t.dir.add(name, "public\n");
  const auto report = t.step();
  REQUIRE(report.failure);
  CHECK(report.failure->code() == errc::io);
  CHECK(t.lines().empty());
}

SCENARIO("line ends, empty files and headers", "[connectors][file][directory]") {
  watch t({.skip_lines = 1});
  t.step();
  t.dir.add("dos", "header\r\na\r\n\r\n");
  t.dir.add("empty", "");
  t.dir.add("header only", "header");
  t.dir.add("no end", "header\nÄrger");
  const auto report = t.step();
  CHECK(names(report) == texts{"dos", "empty", "header only", "no end"});
  CHECK(t.lines() == texts{"", "a", "Ärger"});
}

SCENARIO("a line beyond the limit fails the batch or is left out and counted",
         "[connectors][file][directory]") {
  GIVEN("the policy to fail") {
    watch t({.max_line_bytes = 4});
    t.step();
    t.dir.add("f", "1234\n12345\n1\n");
    const auto report = t.step();
    REQUIRE(report.failure);
    CHECK(report.failure->code() == errc::decode);
    CHECK_THAT(report.failure->message(),
               Catch::Contains("/f'") && Catch::Contains("byte 5 ") && Catch::Contains("4 bytes"));
    CHECK(t.lines().empty());
  }
  GIVEN("the policy to skip") {
    watch t({.max_line_bytes = 4, .long_lines = unreadable_input::skip},
            GENERATE(from_range(weir::test::every_mode())));
    t.step();
    t.dir.add("f", "1234\n12345\n1\n");
    const auto report = t.step();
    CHECK_FALSE(report.failure);
    CHECK(report.dropped == 1);
    CHECK(t.lines() == texts{"1", "1234"});
    CHECK(t.step().dropped == 0);
  }
}

SCENARIO("a file that has gone or was cut fails the batch or is left out and counted",
         "[connectors][file][directory]") {
  const bool gone = GENERATE(true, false);
  const auto policy = GENERATE(unreadable_input::fail, unreadable_input::skip);
  watch t({.unreadable_files = policy});
  t.job.context().add_listener(std::make_shared<when_planned>([&] {
    if (gone)
      std::filesystem::remove(t.dir.path() / "b");
    else if (std::filesystem::exists(t.dir.path() / "b"))
      std::filesystem::resize_file(t.dir.path() / "b", 5);
  }));
  t.step();
  t.dir.add("a", "one\n");
  t.dir.add("b", "two\nthree\n");
  t.dir.add("c", "four\n");
  const auto report = t.step();
  if (policy == unreadable_input::fail) {
    REQUIRE(report.failure);
    CHECK(report.failure->code() == errc::io);
    CHECK_THAT(report.failure->message(), Catch::Contains("/b'"));
    CHECK(t.lines().empty());
  } else {
    CHECK_FALSE(report.failure);
    CHECK(report.dropped == 1);
    CHECK(t.lines() == (gone ? texts{"four", "one"} : texts{"four", "one", "two"}));
  }
}

SCENARIO("what is appended to a file is not read", "[connectors][file][directory]") {
  watch t;
  const auto append = [&] {
    if (std::filesystem::exists(t.dir.path() / "f"))
      std::ofstream(t.dir.path() / "f", std::ios::app) << "later\n";
  };
  t.job.context().add_listener(std::make_shared<when_planned>(append));
  t.step();
  t.dir.add("f", "first\n");
  t.step();
  t.step();
  CHECK(t.lines() == texts{"first"});
}

SCENARIO("a directory that has gone ends the job, or is waited for",
         "[connectors][file][directory]") {
  const auto policy = GENERATE(unreadable_input::fail, unreadable_input::skip);
  watch t({.unreadable_files = policy});
  t.step();
  std::filesystem::remove(t.dir.path());
  const auto report = t.job.step();
  if (policy == unreadable_input::fail) {
    REQUIRE_FALSE(report);
    CHECK(report.error().code() == errc::io);
    CHECK_THAT(report.error().message(), Catch::Contains(t.dir.text()));
  } else {
    CHECK(report->records == 0);
    t.dir.add("f", "back\n");
    CHECK(t.step().records == 1);
  }
}

SCENARIO("an aborted batch is read again with the same files", "[connectors][file][directory]") {
  using harness = weir::testing_support::source_harness<std::string_view>;
  const std::uint32_t replicas = GENERATE(1U, 2U);
  scratch_directory dir;
  harness t(weir::make_directory_source(dir.text(), {.max_files_per_batch = 2}),
            {.replicas = replicas});
  REQUIRE(weir::testing_support::outcome_of(t.open()) == "ok");
  REQUIRE(t.run_batch());
  dir.add("a", "1\n2\n");
  dir.add("b", "3\n");
  dir.add("c", "4\n");
  const auto how = GENERATE(harness::fate::abort, harness::fate::rewind);
  const auto first = t.run_batch({}, how);
  CHECK(t.records.empty());
  dir.add("0", "5\n", 1'767'225'599); // found later, though older
  const auto second = t.run_batch();
  CHECK(second->ranges == first->ranges);
  CHECK(weir::test::sorted(t.records) == texts{"1", "2", "3"});
  REQUIRE(t.run_batch());
  REQUIRE(t.run_batch());
  CHECK(weir::test::sorted(t.records) == texts{"1", "2", "3", "4", "5"});
  CHECK(t.run_batch()->ranges.empty());
}

SCENARIO("several batches that were planned go back together", "[connectors][file][directory]") {
  scratch_directory dir;
  const auto source = weir::make_directory_source(
      dir.text(), {.new_files_only = false, .max_files_per_batch = 1})();
  weir::testing_support::source_harness<std::string_view> host(
      [&] { return weir::make_directory_source(dir.text())(); });
  weir::source_setup setup;
  setup.host = &host;
  REQUIRE(source->open(setup));
  dir.add("a", "1\n", 1);
  dir.add("b", "2\n", 2);
  const auto plan = [&] { return source->plan(*source->survey(), {std::nullopt}); };
  const auto first = plan();
  const auto second = plan();
  const auto empty = plan();
  CHECK(first.ranges[0].topic == "a");
  CHECK(first.lag() == 2);
  CHECK(second.ranges[0].topic == "b");
  CHECK(empty.ranges.empty());
  WHEN("none is complete") {
    source->rewind(first);
    CHECK(plan().ranges == first.ranges);
    CHECK(plan().ranges == second.ranges);
  }
  WHEN("the first is complete") {
    source->completed({}, first);
    source->rewind(second);
    CHECK(plan().ranges == second.ranges);
    CHECK(plan().ranges.empty());
  }
}

SCENARIO("what a batch is expected to hold follows the lines that were read",
         "[connectors][file][directory]") {
  scratch_directory dir;
  weir::testing_support::source_harness<std::string_view> t(
      weir::make_directory_source(dir.text()));
  REQUIRE(t.open());
  CHECK(t.run_batch()->count() == 0);
  std::string lines;
  for (int i = 0; i < 10'000; ++i)
    lines += "123456789\n";
  dir.add("a", lines);
  CHECK(t.run_batch()->count() == 1'000); // a guess
  dir.add("b", lines);
  CHECK(t.run_batch()->count() == Approx(10'000).epsilon(0.01));
}

SCENARIO("available_now reads what is there at the start, in as many batches as it takes",
         "[connectors][file][directory]") {
  const auto executor = GENERATE(weir::executor_kind::in_line, weir::executor_kind::actors);
  const auto trigger = GENERATE(weir::trigger::available_now, weir::trigger::once);
  scratch_directory dir;
  for (int i = 0; i < 5; ++i)
    dir.add(fmt::format("f{}", i), fmt::format("{}\n", i));
  auto options = weir::test::options_for({executor, 1});
  options.trigger = trigger;
  auto job = *weir::context::make(options);
  auto table = std::make_shared<weir::memory_table<std::string_view>>();
  weir::directory_stream(job, dir.text(), {.new_files_only = false, .max_files_per_batch = 2})
      .inspect([&](std::string_view line) { // a file that comes later has to wait for the next run
        if (line == "0")
          dir.add("late", "late\n");
      })
      .to(weir::memory_sink(table));
  REQUIRE(job.start());
  REQUIRE(job.await());
  CHECK(weir::test::sorted(table->rows()) == texts{"0", "1", "2", "3", "4"});
  CHECK(table->batches().size() == (trigger == weir::trigger::once ? 1 : 3));
}

SCENARIO("a file is the partition that its lines are traced to", "[connectors][file][directory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  scratch_directory dir;
  weir::directory_stream(job.context(), dir.text())
      .map([](std::string_view line) {
        return line == "bad" ? throw std::runtime_error("bad line") : line.size();
      })
      .for_each_batch([](const weir::batch_view<std::size_t>&) {});
  REQUIRE(job.step());
  dir.add("first", "good\n");
  dir.add("second", "good\nbad\n");
  const auto report = *job.step();
  REQUIRE(report.failure);
  CHECK_THAT(report.failure->message(), Catch::Contains("second") && Catch::Contains("offset 5"));
}

SCENARIO("a directory stream refuses what cannot work when the job starts",
         "[connectors][file][directory]") {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  GIVEN("options outside their range") {
    weir::directory_stream(job.context(), "/tmp", {.max_files_per_batch = 0})
        .for_each_batch([](const weir::batch_view<std::string_view>&) {});
    weir::directory_stream(job.context(), "/tmp", {.pattern = "", .max_file_age = -1s})
        .for_each_batch([](const weir::batch_view<std::string_view>&) {});
    weir::directory_stream(job.context(), std::string("/tmp\0/x", 7))
        .for_each_batch([](const weir::batch_view<std::string_view>&) {});
    weir::directory_stream(job.context(), "/tmp").save_as_text_files(std::string("/tmp/a\0b", 8));
    const auto started = job.context().start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code() == errc::invalid_graph);
    CHECK_THAT(started.error().to_string(),
               Catch::Contains("directory_stream: the path has a NUL byte at 4") &&
                   Catch::Contains("save_as_text_files: the prefix has a NUL byte at 6"));
    CHECK_FALSE(directory_options{.pattern = std::string("*\0x", 3)}.check());
    CHECK_FALSE(directory_options{.pattern = "a/b"}.check());
    CHECK_FALSE(weir::dead_letter_files(std::string("d\0x", 3)).valid);
    CHECK_THAT(started.error().to_string(),
               Catch::Contains("max_files_per_batch is 0, but must be >= 1") &&
                   Catch::Contains("pattern"));
    CHECK_FALSE(directory_options{.max_file_age = -1s}.check());
    CHECK_FALSE(directory_options{.max_line_bytes = 0}.check());
  }
  GIVEN("a directory that is not there") {
    weir::directory_stream(job.context(), "/not/there")
        .for_each_batch([](const weir::batch_view<std::string_view>&) {});
    const auto started = job.context().start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code() == errc::io);
    CHECK_THAT(started.error().message(), Catch::Contains("/not/there"));
  }
}

SCENARIO("a file is read whatever its times say", "[connectors][file][directory]") {
  // In seconds since 1970: a month before the file that is there, 1970, before it, beyond what
  // fits nanoseconds in 64 bits, and a day ahead.
  const std::time_t modified =
      GENERATE(1'764'633'600, 0, -1, -2'000'000'000, 9'300'000'000, 1'767'312'000);
  INFO(modified);
  watch t({}, GENERATE(from_range(weir::test::every_mode())));
  t.dir.add("there", "there before\n");
  t.step();
  t.dir.add("first", "first\n", modified);
  CHECK(t.step().dropped == 0);
  CHECK(t.lines() == texts{"first"});
  t.dir.add("second", "second\n");
  CHECK(t.step().dropped == 0);
  CHECK(t.step().records == 0);
  CHECK(t.lines() == texts{"first", "second"});
}

SCENARIO("files of any times are read in their order", "[connectors][file][directory]") {
  watch t({.new_files_only = false});
  t.dir.add("now", "1\n");
  t.dir.add("far", "2\n", 9'300'000'000);
  t.dir.add("before", "3\n", -2'000'000'000);
  t.dir.add("zero", "4\n", 0);
  CHECK(names(t.step()) == texts{"before", "zero", "now", "far"});
}

SCENARIO("a file is read again when it is another one under the same name",
         "[connectors][file][directory]") {
  // Whatever its size and time, which may be the same as before.
  const std::string content =
      GENERATE("anew\n", "new\n", "n\n", "old\nnew\n", "something longer\n");
  const std::time_t modified = GENERATE(1'767'225'600, 1'767'225'601, 0);
  const std::string how = GENERATE("by a rename", "removed before", "in its place");
  const bool old = GENERATE(true, false);
  if (old && how == "in its place")
    return; // see below
  INFO(content << how << ", " << modified << (old ? ", there before the start" : ""));
  watch t;
  if (old)
    t.dir.add("f", "old\n");
  t.step();
  if (!old) {
    t.dir.add("f", "old\n");
    t.step();
  }
  if (how == "in its place") {
    if (content == "old\nnew\n")
      return; // that is what is appended
    std::ofstream(t.dir.path() / "f", std::ios::binary) << content;
    const timespec times[2] = {{modified, 0}, {modified, 0}};
    ::utimensat(AT_FDCWD, (t.dir.path() / "f").c_str(), times, 0);
  } else {
    if (how == "removed before")
      std::filesystem::remove(t.dir.path() / "f");
    t.dir.add("f", content, modified);
  }
  const auto report = t.step();
  CHECK(names(report) == texts{"f"});
  CHECK(report.dropped == 0);
  CHECK(report.sources[0].ranges[0].until == static_cast<std::int64_t>(content.size()));
  CHECK(t.step().records == 0);
}

SCENARIO("what is left out is counted, logged and reported once", "[connectors][file][directory]") {
  std::string log;
  auto options = weir::test::options_for();
  options.log = [&](const weir::log_record& record) { log += std::string(record.message) + "\n"; };
  auto job = *weir::testing::stepped_job::make(options);
  const scratch_directory dir;
  dir.add("old", "there before\n");
  auto table = std::make_shared<weir::memory_table<std::string_view>>();
  weir::directory_stream(job.context(), dir.text()).to(weir::memory_sink(table));
  const auto step = [&] { return *job.step(); };
  CHECK(step().dropped == 0);
  dir.add("f", "first\n");
  CHECK(step().dropped == 0);
  std::string name = "f";
  std::string why;
  WHEN("something is appended to a file that has been read") {
    std::ofstream(dir.path() / "f", std::ios::app) << "more\n";
    why = "appended";
  }
  WHEN("a file that was there before the start is changed in its place") {
    std::ofstream(dir.path() / "old", std::ios::app) << "more\n";
    name = "old";
    why = "before the start";
  }
  WHEN("a symbolic link appears") {
    std::filesystem::create_symlink("f", dir.path() / "link");
    name = "link";
    why = "symbolic link";
  }
  const auto report = step();
  CHECK(report.dropped == 1);
  REQUIRE(report.sources[0].errors.size() == 1);
  CHECK_THAT(report.sources[0].errors[0].message(),
             Catch::Contains(dir.text() + "/" + name + "'") && Catch::Contains(why));
  CHECK_THAT(log, Catch::Contains(report.sources[0].errors[0].message()));
  if (why != "symbolic link")
    std::ofstream(dir.path() / name, std::ios::app) << "and more\n";
  const auto next = step();
  CHECK(next.dropped == 0);
  CHECK(next.sources[0].errors.empty());
  CHECK(table->rows() == texts{"first"});
}

SCENARIO("a file that is touched, renamed away and back, or given other rights stays read",
         "[connectors][file][directory]") {
  watch t({.max_file_age = 10s});
  t.step();
  t.dir.add("f", "first\n");
  t.step();
  const auto file = t.dir.path() / "f";
  const auto away = t.dir.path() / ".away";
  SECTION("touched") {
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now());
  }
  SECTION("other rights") { std::filesystem::permissions(file, std::filesystem::perms::owner_all); }
  SECTION("away and back") {
    std::filesystem::rename(file, away);
    for (int i = 0; i < 5; ++i)
      CHECK(t.step().records == 0);
    std::filesystem::rename(away, file);
  }
  const auto report = t.step();
  CHECK(report.dropped == 0);
  CHECK(t.lines() == texts{"first"});
}

SCENARIO("a file that is replaced before its turn comes is left out for its successor",
         "[connectors][file][directory]") {
  const bool planned = GENERATE(true, false);
  const bool in_place = GENERATE(true, false);
  watch t({.max_files_per_batch = planned ? 1'000UL : 1UL});
  const auto replace = [&] {
    if (in_place)
      std::ofstream(t.dir.path() / "f", std::ios::binary) << "new 1\nnew 2\nnew 3\n";
    else
      t.dir.add("f", "new 1\nnew 2\nnew 3\n");
  };
  bool done = false;
  t.job.context().add_listener(std::make_shared<when_planned>([&] {
    if (planned && !done && std::filesystem::exists(t.dir.path() / "f")) {
      done = true;
      replace();
    }
  }));
  t.step();
  t.dir.add("f", "old 1\nold 2\n", 20);
  if (planned) {
    CHECK(t.step().dropped == 1);
  } else {
    t.dir.add("e", "e\n", 10);
    CHECK(names(t.step()) == texts{"e"});
    replace();
    t.step(); // there was enough to do without a look at the directory
  }
  for (int i = 0; i < 3; ++i)
    t.step();
  const auto lines = t.lines();
  CHECK(texts(lines.end() - 3, lines.end()) == texts{"new 1", "new 2", "new 3"});
  CHECK(lines.size() == (planned ? 3 : 4));
}

SCENARIO("names are remembered while their files are there, and for a while after",
         "[connectors][file][directory]") {
  const scratch_directory dir;
  const weir::directory from(dir.text());
  weir::seen_files seen(from, 60s);
  const auto at = [](std::chrono::seconds now) { return weir::steady_time(now); };
  const auto fresh = [&](std::chrono::seconds now) {
    texts found;
    for (const auto& file : seen.add(*from.list("*", false), at(now)).fresh)
      found.push_back(file.name);
    return found;
  };
  seen.add_old(*from.list("*", false), at(0s));
  dir.add("a", "1", 10);
  dir.add("b", "2", 5);
  CHECK(fresh(1s) == texts{"b", "a"});
  CHECK(fresh(100'000'000s).empty()); // as long as they are there
  CHECK(seen.remembered() == 2);
  const scratch_directory away;
  std::filesystem::rename(dir.path() / "a", away.path() / "a");
  CHECK(fresh(100'000'059s).empty());
  CHECK(seen.remembered() == 2);
  CHECK(fresh(100'000'060s).empty());
  CHECK(seen.remembered() == 1);
  std::filesystem::rename(away.path() / "a", dir.path() / "a");
  CHECK(fresh(100'000'061s) == texts{"a"});
}

SCENARIO("a fingerprint covers the whole of short files, and both ends of long ones",
         "[connectors][file][directory]") {
  const scratch_directory dir;
  const weir::directory from(dir.text());
  const auto print = [&](const std::string& content) {
    dir.add("f", content);
    return *from.fingerprint("f", static_cast<std::int64_t>(content.size()));
  };
  std::string text(GENERATE(1U, 4095U, 4096U, 4097U, 65'536U, 65'537U, 1'000'000U), 'x');
  const auto before = print(text);
  CHECK(print(text) == before);
  std::vector<std::size_t> places{0, text.size() - 1,
                                  text.size() - std::min<std::size_t>(text.size(), 4096)};
  if (text.size() <= 65'536)
    places.push_back(text.size() / 2);
  for (const auto place : places) {
    auto other = text;
    other[place] = 'y';
    CHECK(print(other) != before);
  }
  CHECK_FALSE(from.fingerprint("f", static_cast<std::int64_t>(text.size()) + 1));
}
