// Files of CSV and JSON lines: a directory's lines through the parsing steps.
#include <weir/connectors/codec/csv.hpp>
#include <weir/connectors/codec/json.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>
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

} // namespace

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
