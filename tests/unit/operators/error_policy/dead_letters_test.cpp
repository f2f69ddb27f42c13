// Dead letters: what they say, and that they are part of the batch.
#include "bad_records.hpp"

#include <weir/connectors/codec/csv.hpp>
#include <weir/connectors/file/dead_letter_files.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::errc;
using weir::on_error;
using weir::test::every_mode;
using weir::test::letter_box;
using weir::test::letters_to;
using weir::test::number_in;
using weir::test::text_job;

namespace {

using box_ptr = std::shared_ptr<letter_box>;

on_error into(const box_ptr& box) {
  return on_error::dead_letter(letters_to(box)).max_bad_ratio(1);
}

struct header {
  std::string name;
  std::optional<std::string> value;
};

/// A record as a topic has it.
struct message {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::optional<weir::event_time> timestamp;
  std::vector<header> headers;
  std::int64_t offset = 0;
  std::int32_t partition = 0;
};

} // namespace

SCENARIO("a dead letter has the record's bytes, coordinates and error",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto box = std::make_shared<letter_box>();
  text_job<int> t(how, [&](auto in) { return in.map(number_in).on_error(into(box)); });
  t.input->append_all({"1", "2"}, 0);
  t.input->append_all({"3", "no number", "4"}, 1);
  const auto report = t.good_step();
  CHECK(report.dropped == 1);
  CHECK(weir::test::sorted(t.table->rows()) == std::vector{1, 2, 3, 4});
  REQUIRE(box->committed.size() == 1);
  const auto& letter = box->committed.front();
  CHECK(letter.job == "test");
  CHECK(letter.operation == "map");
  CHECK(letter.code == errc::user_function_failed);
  CHECK_THAT(letter.message, Contains("stoi"));
  CHECK(letter.batch == report.time);
  CHECK(letter.topic == "lines");
  CHECK(letter.partition == 1);
  CHECK(letter.offset == 1);
  CHECK(letter.value == "no number");
  CHECK_FALSE(letter.key);
}

SCENARIO("a message's key, headers and timestamp are kept", "[operators][error_policy]") {
  const auto box = std::make_shared<letter_box>();
  auto job = *weir::testing::stepped_job::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<message>>();
  weir::memory_stream(job.context(), log)
      .map([](const message& m) { return number_in(*m.value); })
      .on_error(into(box))
      .for_each_batch([](const auto&) {});
  log->append({.key = "k",
               .value = "v",
               .timestamp = weir::event_time(5ms),
               .headers = {{"h", "1"}, {"n", {}}}});
  REQUIRE(job.step());
  REQUIRE(box->committed.size() == 1);
  const auto& letter = box->committed.front();
  CHECK(letter.key == "k");
  CHECK(letter.value == "v");
  CHECK(letter.timestamp == weir::event_time(5ms));
  CHECK(letter.headers.size() == 2);
  CHECK_FALSE(letter.headers[1].second);
}

SCENARIO("an earlier stage hides the bytes, a shuffle the coordinates",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto box = std::make_shared<letter_box>();
  const auto odd_only = [](int n) { return n % 2 == 0 ? throw std::runtime_error("even") : n; };
  GIVEN("a shared node before") {
    text_job<int> t(
        how, [&](auto in) { return in.map(number_in).share().map(odd_only).on_error(into(box)); });
    t.input->append_all({"1", "2"});
    (void)t.good_step();
    REQUIRE(box->committed.size() == 1);
    CHECK(box->committed.front().offset == 1);
    CHECK_FALSE(box->committed.front().value);
  }
  GIVEN("a shuffle before") {
    text_job<int> t(how, [&](auto in) {
      return in.map(number_in).repartition(2).map(odd_only).on_error(into(box));
    });
    t.input->append_all({"1", "2"});
    (void)t.good_step();
    REQUIRE(box->committed.size() == 1);
    CHECK(box->committed.front().topic.empty());
    CHECK(box->committed.front().offset == -1);
  }
}

SCENARIO("what cannot be parsed becomes a dead letter of class decode",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  struct row {
    std::string name;
    int number = 0;
  };
  const auto box = std::make_shared<letter_box>();
  text_job<std::pair<std::string, int>> t(how, [&](auto in) {
    return in.apply(weir::parse_csv<row>()).on_error(into(box)).map([](const row& r) {
      return std::pair(r.name, r.number);
    });
  });
  t.input->append_all({"a,1", "b", "c,3", "\xff,4"});
  CHECK(t.good_step().dropped == 2);
  CHECK(t.table->rows().size() == 2);
  REQUIRE(box->committed.size() == 2);
  CHECK(box->committed[0].code == errc::decode);
  CHECK(box->committed[0].operation == "parse_csv");
  CHECK(box->committed[0].value == "b");
  CHECK(box->committed[1].code == errc::encoding);
}

SCENARIO("without a policy for it, what cannot be parsed fails the batch",
         "[operators][error_policy]") {
  struct row {
    int number = 0;
  };
  text_job<int> t({}, [&](auto in) {
    return in.apply(weir::parse_csv<row>()).map([](const row& r) { return r.number; });
  });
  t.input->append_all({"1", "x"});
  const auto failure = t.step().failure;
  REQUIRE(failure);
  CHECK(failure->code() == errc::decode);
  CHECK_THAT(failure->message(), Contains("'parse_csv'") && Contains("is no integer") &&
                                     Contains("topic lines partition 0 offset 1"));
}

SCENARIO("a sink that is not ready is asked again, without a loss", "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto box = std::make_shared<letter_box>();
  box->blocks_left = 7;
  auto options = weir::test::options_for();
  options.block.max_records = 2; // letters are written between blocks as well as at the end
  text_job<int> t(how, [&](auto in) { return in.map(number_in).on_error(into(box)); }, options);
  for (int i = 0; i < 20; ++i)
    t.input->append(i % 3 == 0 ? "x" : std::to_string(i), static_cast<std::uint32_t>(i % 2));
  CHECK(t.good_step().dropped == 7);
  CHECK(t.table->rows().size() == 13);
  CHECK(box->committed.size() == 7);
  CHECK(box->blocks_left == 0);
}

SCENARIO("letters that cannot be kept fail the batch, and none is kept",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto box = std::make_shared<letter_box>();
  box->fails = true;
  text_job<int> t(how, [&](auto in) { return in.map(number_in).on_error(into(box)); });
  t.input->append_all({"1", "x"});
  const auto failure = t.step().failure;
  REQUIRE(failure);
  CHECK(failure->code() == errc::sink_failed);
  CHECK_THAT(failure->message(), Contains("'box'") && Contains("the box is full"));
  CHECK(t.table->batches().empty());
  CHECK(box->committed.empty());
  CHECK_FALSE(t.job->context().await());
  CHECK(box->aborted > 0);
  CHECK(box->closed == box->opened);
}

SCENARIO("a batch that fails elsewhere takes its letters back", "[operators][error_policy]") {
  const auto box = std::make_shared<letter_box>();
  auto options = weir::test::options_for();
  options.block.max_records = 1;
  text_job<int> t(
      {},
      [&](auto in) {
        return in.map(number_in).on_error(into(box)).map(
            [](int n) { return n == 13 ? throw std::runtime_error("unlucky") : n; });
      },
      options);
  t.input->append_all({"x", "y", "13"});
  REQUIRE(t.step().failure);
  CHECK(box->committed.empty());
}

SCENARIO("a sink that does not open keeps the job from starting", "[operators][error_policy]") {
  const auto box = std::make_shared<letter_box>();
  box->refuses = true;
  text_job<int> t({}, [&](auto in) { return in.map(number_in).on_error(into(box)); });
  const auto started = t.job->step();
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().to_string(), Contains("nailed up"));
}

SCENARIO("dead letters as files: one for each replica that has any", "[operators][error_policy]") {
  namespace fs = std::filesystem;
  const auto how = GENERATE(from_range(every_mode()));
  static int number = 0;
  const auto dir =
      fs::temp_directory_path() / fmt::format("weir-letters-{}-{}", ::getpid(), number++);
  const auto policy =
      on_error::dead_letter(weir::dead_letter_files((dir / "bad").string())).max_bad_ratio(1);
  {
    text_job<int> t(how, [&](auto in) { return in.map(number_in).on_error(policy); });
    t.input->append_all({"x\"y", "\xff\xfe!", "1"}, 0);
    t.input->append("2", 1);
    (void)t.good_step();
    t.input->append_all({"3"});
    (void)t.good_step(); // no letter, no file
  }
  std::vector<std::string> lines;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(dir)) {
    ++files;
    CHECK(entry.path().filename() == "bad-1767225601000-1-0.jsonl");
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);)
      lines.push_back(line);
  }
  CHECK(files == 1);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == R"({"job":"test","operation":"map","error":"user_function_failed",)"
                    R"("message":"the user's function threw: stoi","batch":1767225601000,)"
                    R"("topic":"lines","partition":0,"offset":0,"timestamp":null,"key":null,)"
                    R"("key_base64":null,"value":"x\"y","value_base64":null,"headers":[]})");
  CHECK_THAT(lines[1], Contains(R"("value":null,"value_base64":"//4h")"));
  fs::remove_all(dir);
}

SCENARIO("headers of bytes that are no text have them in base 64 beside",
         "[operators][error_policy]") {
  const auto line = [](std::vector<std::pair<std::string, std::optional<std::string>>> headers) {
    const auto all = weir::to_json_line({.job = "j", .headers = std::move(headers)});
    return all.substr(all.find("\"headers\""));
  };
  CHECK(line({{"a", "text"}, {"none", std::nullopt}}) ==
        R"("headers":[["a","text"],["none",null]]})");
  CHECK(line({{"a", "text"}, {"id", "\xff\xfe!"}, {"none", std::nullopt}}) ==
        R"("headers":[["a","text"],["id",null],["none",null]],)"
        R"("headers_base64":[[null,null],[null,"//4h"],[null,null]]})");
  const auto named = line({{"\xff", "v"}});
  CHECK_THAT(named, Contains(R"("headers_base64":[["/w==",null]]})"));
}
