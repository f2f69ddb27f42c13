// Object files: written batch by batch, read back whole, refused when they are not.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/properties.hpp>
#include <tests/support/scratch_directory.hpp>

#include <fstream>

using Catch::Contains;
using weir::errc;

namespace fs = std::filesystem;

namespace {

struct reading {
  std::string sensor;
  double value = 0;
  friend bool operator==(const reading&, const reading&) = default;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Saves one batch. @returns its directory.
template <class T>
fs::path saved(const weir::test::scratch_directory& dir, const weir::test::partitioned<T>& records,
               weir::test::run_mode how = {}) {
  auto job = *weir::testing::stepped_job::make(weir::test::options_for(how));
  auto log = std::make_shared<weir::memory_log<T>>(static_cast<std::uint32_t>(records.size()));
  weir::memory_stream(job.context(), log).save_as_object_files(dir.text() + "/batch", "bin");
  weir::test::append(*log, records);
  const auto report = job.step();
  REQUIRE(report);
  REQUIRE_FALSE(report->failure);
  return dir.path() / "batch-1767225601000.bin";
}

/// Why a file is refused.
template <class T = int>
weir::error refusal(const fs::path& path) {
  const auto read = weir::read_object_file<T>(path);
  REQUIRE_FALSE(read);
  return read.error();
}

} // namespace

SCENARIO("what is saved as object files is read back, partition by partition",
         "[connectors][file][object]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  const weir::test::scratch_directory dir;
  const auto batch =
      saved<reading>(dir, {{{"a", 1.5}, {"b", -2}}, {}, {{"a long name of a sensor", 3}}}, how);
  const auto read = weir::read_object_files<reading>(batch);
  REQUIRE(read);
  CHECK(*read == std::vector<reading>{{"a", 1.5}, {"b", -2}, {"a long name of a sensor", 3}});
  CHECK(weir::read_object_file<reading>(batch / "part-00001")->empty());
  CHECK(weir::read_object_file<reading>(batch / "part-00002")->size() == 1);
}

SCENARIO("records that are views are read back as what owns them", "[connectors][file][object]") {
  const weir::test::scratch_directory dir;
  const auto batch = saved<std::pair<std::string_view, int>>(dir, {{{"one", 1}, {"two", 2}}});
  const auto read = weir::read_object_files<std::pair<std::string, int>>(batch);
  REQUIRE(read);
  CHECK(*read == std::vector<std::pair<std::string, int>>{{"one", 1}, {"two", 2}});
}

SCENARIO("the bytes of an object file are as documented", "[connectors][file][object]") {
  const weir::test::scratch_directory dir;
  const auto bytes = bytes_of(saved<std::uint16_t>(dir, {{0x0102}}) / "part-00000");
  REQUIRE(bytes.size() == 8 + 4 + 4 + 2 + 4 + 4 + 8);
  using namespace std::string_literals;
  CHECK(bytes.substr(0, 12) == "weirobj1\2\0\0\0"s);
  CHECK(bytes.substr(16, 2) == "\2\1"s);
  CHECK(bytes.substr(18, 4) == "\xff\xff\xff\xff"s);
  CHECK(bytes.substr(26) == "\1\0\0\0\0\0\0\0"s);
}

SCENARIO("a foreign, torn or damaged file is refused with the place",
         "[connectors][file][object]") {
  const weir::test::scratch_directory dir;
  const auto part = saved<int>(dir, {{1, 2, 3}}) / "part-00000";
  const auto whole = bytes_of(part);
  REQUIRE(weir::read_object_file<int>(part));

  WHEN("there is none") { CHECK(refusal(dir.path() / "none").code() == errc::io); }
  WHEN("it is something else") {
    write(part, "id,name\n1,tea\n");
    CHECK_THAT(refusal(part).message(), Contains("is no object file"));
    write(part, "");
    CHECK_THAT(refusal(part).message(), Contains("is no object file"));
  }
  WHEN("it is cut anywhere") {
    for (std::size_t size = 8; size < whole.size(); ++size) {
      write(part, whole.substr(0, size));
      const auto why = refusal(part);
      CHECK(why.code() == errc::decode);
      CHECK_THAT(why.message(), Contains("torn"));
    }
    write(part, whole.substr(0, 8 + 12 + 3));
    CHECK_THAT(refusal(part).message(), Contains("behind 1 whole records"));
  }
  WHEN("any bit of it is turned") {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      auto turned = whole;
      turned[at] = static_cast<char>(turned[at] ^ 0x10);
      write(part, turned);
      CHECK(refusal(part).code() == errc::decode);
    }
  }
  WHEN("something follows its end") {
    write(part, whole + "x");
    CHECK_THAT(refusal(part).message(), Contains("bytes behind its end"));
  }
  WHEN("its values are of another type") {
    CHECK_THAT(refusal<std::string>(part).message(), Contains("record 0") && Contains("no value"));
    CHECK_THAT(refusal<std::int64_t>(part).message(), Contains("no value of the type"));
  }
}

SCENARIO("random bytes never crash the reader", "[connectors][file][object]") {
  const weir::test::scratch_directory dir;
  const auto path = dir.path() / "random";
  weir::test::holds_for(300, [&](const std::string& bytes) {
    write(path, "weirobj1" + bytes);
    RC_ASSERT_FALSE(weir::read_object_file<std::vector<std::string>>(path).has_value());
  });
}

SCENARIO("a failed batch leaves no object file behind", "[connectors][file][object]") {
  const weir::test::scratch_directory dir;
  auto options = weir::test::options_for();
  options.block.max_records = 1;
  auto job = *weir::testing::stepped_job::make(options);
  auto log = std::make_shared<weir::memory_log<int>>();
  weir::memory_stream(job.context(), log)
      .map([](int n) { return n == 0 ? throw std::runtime_error("zero") : n; })
      .save_as_object_files(dir.text() + "/n");
  log->append_all(std::vector<int>(100, 1));
  log->append(0);
  const auto report = job.step();
  REQUIRE(report);
  CHECK(report->failure);
  CHECK_FALSE(job.context().stop());
  CHECK(fs::is_empty(dir.path()));
}
