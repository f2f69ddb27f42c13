// CSV and JSON-lines files: what text files do, with another form of line.
#include <weir/runtime/described.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include <unistd.h>

namespace fs = std::filesystem;

namespace {

struct sale {
  std::string item;
  int pieces = 0;
};
BOOST_DESCRIBE_STRUCT(sale, (), (item, pieces))

using contents = std::map<std::string, std::string>;

/// What `save(stream)` leaves of one batch of sales on two partitions.
template <class Save>
contents files_of(weir::test::run_mode how, Save save) {
  static int number = 0;
  const auto dir =
      fs::temp_directory_path() / fmt::format("weir-lines-{}-{}", ::getpid(), number++);
  {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
    auto log = std::make_shared<weir::memory_log<sale>>(2);
    save(weir::memory_stream(job.context(), log), (dir / "sales").string());
    log->append_all({{"tea, green", 2}, {"jug \"blue\"", 1}});
    const auto report = job.step();
    REQUIRE(report);
    REQUIRE_FALSE(report->failure);
  }
  contents found;
  for (const auto& entry : fs::recursive_directory_iterator(dir))
    if (entry.is_regular_file()) {
      std::ifstream in(entry.path());
      found[fs::relative(entry.path(), dir).string()] =
          std::string(std::istreambuf_iterator<char>(in), {});
    }
  fs::remove_all(dir);
  return found;
}

} // namespace

SCENARIO("records are saved as lines of CSV under the names of their columns",
         "[connectors][file]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CHECK(files_of(how, [](auto sales,
                         const std::string& prefix) { sales.save_as_csv_files(prefix, "d"); }) ==
        contents{{"sales-1767225601000.d/part-00000.csv",
                  "item,pieces\n\"tea, green\",2\n\"jug \"\"blue\"\"\",1\n"},
                 {"sales-1767225601000.d/part-00001.csv", "item,pieces\n"}});
}

SCENARIO("records without names of columns have no header", "[connectors][file]") {
  CHECK(files_of({},
                 [](auto sales, const std::string& prefix) {
                   sales.map([](const sale& s) { return std::pair(s.pieces, s.item); })
                       .save_as_csv_files(prefix);
                 }) == contents{{"sales-1767225601000/part-00000.csv",
                                 "2,\"tea, green\"\n1,\"jug \"\"blue\"\"\"\n"},
                                {"sales-1767225601000/part-00001.csv", ""}});
}

SCENARIO("records are saved as lines of JSON", "[connectors][file]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  CHECK(files_of(how,
                 [](auto sales, const std::string& prefix) { sales.save_as_json_files(prefix); }) ==
        contents{{"sales-1767225601000/part-00000.jsonl",
                  "{\"item\":\"tea, green\",\"pieces\":2}\n"
                  "{\"item\":\"jug \\\"blue\\\"\",\"pieces\":1}\n"},
                 {"sales-1767225601000/part-00001.jsonl", ""}});
}
