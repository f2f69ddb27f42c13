// One directory per batch, one file per partition, whole or not at all.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include <unistd.h>

namespace fs = std::filesystem;

namespace {

/// A directory that goes when the test ends.
class scratch {
public:
  scratch() {
    static int number = 0;
    path_ = fs::temp_directory_path() / fmt::format("weir-text-{}-{}", ::getpid(), number++);
    fs::create_directories(path_);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

private:
  fs::path path_;
};

/// Name, relative to `root`, and content of every file below it.
std::map<std::string, std::string> files_in(const fs::path& root) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file()) {
      std::ifstream in(entry.path());
      found[fs::relative(entry.path(), root).string()] =
          std::string(std::istreambuf_iterator<char>(in), {});
    }
  return found;
}

using contents = std::map<std::string, std::string>;

} // namespace

SCENARIO("each batch becomes a directory with one part file per partition, empty ones included",
         "[connectors][file]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  const scratch dir;
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<std::string>>(3);
  weir::memory_stream(job.context(), log)
      .save_as_text_files((dir.path() / "words").string(), "txt");
  log->append_all({"a", "b"}, 0);
  log->append_all({"c"}, 2);
  REQUIRE(job.step());
  REQUIRE(job.step());
  CHECK(files_in(dir.path()) == contents{{"words-1767225601000.txt/part-00000", "a\nb\n"},
                                         {"words-1767225601000.txt/part-00001", ""},
                                         {"words-1767225601000.txt/part-00002", "c\n"},
                                         {"words-1767225602000.txt/part-00000", ""},
                                         {"words-1767225602000.txt/part-00001", ""},
                                         {"words-1767225602000.txt/part-00002", ""}});
}

SCENARIO("without a suffix the directory ends with the time", "[connectors][file]") {
  const scratch dir;
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<std::pair<std::string, int>>>();
  weir::memory_stream(job.context(), log)
      .save_as_text_files((dir.path() / "new" / "pairs").string());
  log->append({"key", 7});
  REQUIRE(job.step());
  CHECK(files_in(dir.path()) == contents{{"new/pairs-1767225601000/part-00000", "(key,7)\n"}});
}

SCENARIO("a directory of the same time is replaced", "[connectors][file]") {
  const scratch dir;
  fs::create_directories(dir.path() / "n-1767225601000");
  std::ofstream(dir.path() / "n-1767225601000" / "part-00009") << "left from an earlier run";
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log).save_as_text_files((dir.path() / "n").string());
  log->append(5);
  REQUIRE(job.step());
  CHECK(files_in(dir.path()) == contents{{"n-1767225601000/part-00000", "5\n"}});
}

SCENARIO("a failed batch leaves no file behind", "[connectors][file]") {
  const scratch dir;
  auto options = weir::test::options_for();
  options.block.max_records = 1; // the first record has reached the sink when the last one throws
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log)
      .map([](int n) { return n == 0 ? throw std::runtime_error("zero") : n; })
      .save_as_text_files((dir.path() / "n").string());
  log->append_all(std::vector<int>(100, 1));
  log->append(0);
  const auto report = job.step();
  REQUIRE(report);
  CHECK(report->failure);
  CHECK_FALSE(job.context().stop());
  CHECK(fs::is_empty(dir.path()));
}

SCENARIO("a place that cannot be written fails the batch with the path", "[connectors][file]") {
  const scratch dir;
  std::ofstream(dir.path() / "file") << "not a directory";
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log)
      .save_as_text_files((dir.path() / "file" / "below").string());
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == weir::errc::io);
  CHECK_THAT(report->failure->message(), Catch::Contains("file/"));
}
