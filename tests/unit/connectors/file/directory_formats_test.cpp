// Files of CSV and JSON lines: a directory's lines through the parsing steps.
#include <weir/connectors/codec/csv.hpp>
#include <weir/connectors/codec/json.hpp>
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
#include <tests/support/properties.hpp>
#include <tests/support/scratch_directory.hpp>

#include <iterator>

using weir::errc;
using weir::on_error;
using weir::test::scratch_directory;

namespace {

struct order {
  std::string product;
  std::int64_t count = 0;
  friend auto operator<=>(const order&, const order&) = default;
};
BOOST_DESCRIBE_STRUCT(order, (), (product, count))

using orders = std::vector<order>;

/// What one batch makes of the files that `fill` adds.
template <class Parse>
struct parsed {
  scratch_directory dir;
  std::shared_ptr<weir::memory_table<order>> table = std::make_shared<weir::memory_table<order>>();
  weir::testing::stepped_job job;

  parsed(Parse parse, const on_error& policy, weir::test::run_mode how = {})
      : job(*weir::testing::stepped_job::make(weir::test::options_for(how))) {
    weir::directory_stream(job.context(), dir.text())
        .apply(std::move(parse))
        .on_error(policy)
        .to(weir::memory_sink(table));
    REQUIRE(job.step());
  }
  weir::batch_report step() {
    const auto report = job.step();
    REQUIRE(report);
    return *report;
  }
};

/// What may stand in a column of text and what may not, which quotes must hide.
struct sheet {
  std::string first;
  std::optional<std::string> note{};
  double value = 0;
  std::optional<float> single{};
  bool sold = false;
  friend auto operator<=>(const sheet&, const sheet&) = default;
};
BOOST_DESCRIBE_STRUCT(sheet, (), (first, note, value, single, sold))

/// A value, or none.
template <class T>
rc::Gen<std::optional<T>> optional_of(rc::Gen<T> gen) {
  return rc::gen::map(rc::gen::maybe(std::move(gen)), [](rc::Maybe<T> value) {
    return value ? std::optional<T>(std::move(*value)) : std::nullopt;
  });
}

/// One column, which may be empty: a blank line is a row.
struct cell {
  std::optional<std::string> text{};
  friend auto operator<=>(const cell&, const cell&) = default;
};
BOOST_DESCRIBE_STRUCT(cell, (), (text))

/// What `parse_csv` reads of the files that `save_as_csv_files` writes of the rows.
template <class Row>
std::vector<Row> written_and_read(const std::vector<Row>& rows, weir::test::run_mode how = {}) {
  const scratch_directory dir;
  {
    weir::testing::test_job writing(how);
    const auto in = writing.input<Row>(2);
    in.stream().save_as_csv_files((dir.path() / "rows").string());
    for (std::size_t i = 0; i < rows.size(); ++i)
      in.add({rows[i]}, i % 2);
    writing.step();
  }
  weir::testing::test_job reading(how);
  auto lines = weir::directory_stream(
      reading.context(), dir.text(), {.recursive = true, .new_files_only = false, .skip_lines = 1});
  const auto out = reading.output(lines.apply(weir::parse_csv<Row>()));
  reading.step();
  return weir::test::sorted(out.rows());
}

} // namespace

SCENARIO("what is saved as CSV is read back, whatever the text", "[connectors][file][directory]") {
  const auto how = GENERATE(from_range(weir::test::every_mode()));
  const std::vector<sheet> rows{{"", "", 0.1, 1e-45F, true},
                                {"two\nlines", "two\r\nlines\r", 1e-300, {}, false},
                                {"\n", "\"\n,\"\"\n", 5e-324, 3.4e38F, true},
                                {"\xEF\xBB\xBFmark", "a,\"b", -1e308, {}, false}};
  CHECK(written_and_read(rows, how) == weir::test::sorted(rows));
}

TEST_CASE("rows at random survive a file of CSV", "[connectors][file][directory]") {
  const auto text = rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("ab ,;\"\"\r\n\n\xEF\xBB\xBF\0", 15)));
  const auto valid = rc::gen::map(text, [](const std::string& bytes) {
    std::string clean;
    weir::append_as_utf8(bytes, clean);
    return clean;
  });
  weir::test::holds_for(150, [&] {
    const auto rows = *rc::gen::container<std::vector<sheet>>(rc::gen::build<sheet>(
        rc::gen::set(&sheet::first, valid), rc::gen::set(&sheet::note, optional_of(valid)),
        rc::gen::set(&sheet::value), rc::gen::set(&sheet::sold)));
    RC_ASSERT(written_and_read(rows) == weir::test::sorted(rows));
    const auto cells = *rc::gen::container<std::vector<cell>>(
        rc::gen::build<cell>(rc::gen::set(&cell::text, optional_of(valid))));
    RC_ASSERT(written_and_read(cells) == weir::test::sorted(cells));
  });
}

SCENARIO("line ends between quotes are text in files of CSV, or where that is asked for",
         "[connectors][file][directory]") {
  const auto lines_of = [](const std::string& name, weir::directory_options options) {
    const scratch_directory dir;
    dir.add(name, "a;'b\nc'\n\"d\ne\",f\n");
    options.new_files_only = false;
    weir::testing::test_job job;
    const auto out = job.output(weir::directory_stream(job.context(), dir.text(), options));
    job.step();
    return out.rows();
  };
  using lines = std::vector<std::string>;
  const lines plain{"a;'b", "c'", "\"d", "e\",f"};
  CHECK(lines_of("a.txt", {}) == plain);
  CHECK(lines_of("a.csv", {.quoted_lines = weir::quoted_lines::cut}) == plain);
  for (const auto* csv : {"a.csv", "A.CSV"})
    CHECK(lines_of(csv, {}) == lines{"a;'b", "c'", "\"d\ne\",f"});
  CHECK(lines_of("a.txt", {.quoted_lines = weir::quoted_lines::whole}) == lines_of("a.csv", {}));
  CHECK(lines_of("a.csv", {.separator = ';', .quote = '\''}) == lines{"a;'b\nc'", "\"d", "e\",f"});
}

SCENARIO("a quote too many costs its own line alone", "[connectors][file][directory]") {
  parsed t(weir::parse_csv<order>(), on_error::drop);
  t.dir.add("a.csv", "tea,1\n\"coffee,2\nmilk,3\nsugar,4\n");
  CHECK(t.step().dropped == 1);
  CHECK(weir::test::sorted(t.table->rows()) == orders{{"milk", 3}, {"sugar", 4}, {"tea", 1}});
}

SCENARIO("a byte order mark of UTF-8 is passed over", "[connectors][file][directory]") {
  const std::string mark = "\xEF\xBB\xBF";
  const std::string content = GENERATE(as<std::string>(), "", "product,count\n");
  parsed t(weir::parse_csv<order>({.skip_header = true}), on_error::fail,
           GENERATE(from_range(weir::test::every_mode())));
  t.dir.add("a.csv", mark + content + "tea,3\n");
  t.dir.add("b.csv", mark + content + "\"green\ntea\",2\n");
  t.dir.add("empty.csv", mark);
  const auto report = t.step();
  CHECK_FALSE(report.failure);
  CHECK(report.dropped == 0);
  CHECK(weir::test::sorted(t.table->rows()) == orders{{"green\ntea", 2}, {"tea", 3}});
}

SCENARIO("a file in UTF-16 cannot be read, by its name", "[connectors][file][directory]") {
  using namespace std::string_view_literals;
  const auto policy = GENERATE(weir::unreadable_input::fail, weir::unreadable_input::skip);
  const scratch_directory dir;
  dir.add("good.csv", "tea,3\n");
  dir.add("wide.csv", "\xFF\xFEt\0,\0003\0\n\0"sv);
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto table = std::make_shared<weir::memory_table<std::string_view>>();
  weir::directory_stream(job.context(), dir.text(),
                         {.new_files_only = false, .unreadable_files = policy})
      .to(weir::memory_sink(table));
  const auto report = *job.step();
  if (policy == weir::unreadable_input::fail) {
    REQUIRE(report.failure);
    CHECK(report.failure->code() == errc::encoding);
    CHECK_THAT(report.failure->message(), Catch::Contains("wide.csv") && Catch::Contains("UTF-16"));
  } else {
    CHECK(report.dropped == 1);
    CHECK(table->rows() == std::vector<std::string>{"tea,3"});
  }
}

SCENARIO("files of CSV become structs, without their headers",
         "[connectors][file][directory][csv]") {
  parsed t(weir::parse_csv<order>({.columns = {"count", "product"}, .skip_header = true}),
           on_error::fail, GENERATE(from_range(weir::test::every_mode())));
  t.dir.add("a.csv", "count,product\n3,tea\n2,\"green, hot\"\n");
  t.dir.add("b.csv", "count,product\r\n1,coffee\r\n");
  CHECK_FALSE(t.step().failure);
  CHECK(weir::test::sorted(t.table->rows()) ==
        orders{{"coffee", 1}, {"green, hot", 2}, {"tea", 3}});
}

SCENARIO("files of JSON lines become structs", "[connectors][file][directory][json]") {
  parsed t(weir::parse_json<order>(), on_error::fail,
           GENERATE(from_range(weir::test::every_mode())));
  t.dir.add("a.jsonl", R"({"product":"tea","count":3})"
                       "\n"
                       R"({"count":2,"product":"gr\u00fcn"})"
                       "\n");
  t.dir.add("b.jsonl", R"({"product":"coffee","count":1})");
  CHECK_FALSE(t.step().failure);
  CHECK(weir::test::sorted(t.table->rows()) == orders{{"coffee", 1}, {"grün", 2}, {"tea", 3}});
}

SCENARIO("a line that is none of its format is traced to its file, or left out",
         "[connectors][file][directory][json]") {
  const std::string good = R"({"product":"tea","count":3})";
  const auto content = good + "\n{\n" + good + "\n";
  GIVEN("the policy to fail") {
    parsed t(weir::parse_json<order>(), on_error::fail);
    t.dir.add("orders.jsonl", content);
    const auto report = t.step();
    REQUIRE(report.failure);
    CHECK(report.failure->code() == errc::decode);
    CHECK_THAT(report.failure->message(),
               Catch::Contains("orders.jsonl") && Catch::Contains("offset 28"));
    CHECK(t.table->rows().empty());
  }
  GIVEN("the policy to drop") {
    parsed t(weir::parse_json<order>(), on_error::drop);
    t.dir.add("orders.jsonl", content);
    const auto report = t.step();
    CHECK_FALSE(report.failure);
    CHECK(report.dropped == 1);
    CHECK(t.table->rows() == orders{{"tea", 3}, {"tea", 3}});
  }
}
