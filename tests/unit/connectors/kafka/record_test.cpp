#include <weir/connectors/kafka/direct_stream.hpp>
#include <weir/connectors/kafka/outgoing.hpp>
#include <weir/connectors/kafka/receiver_stream.hpp>
#include <weir/operators/action/format_record.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;

TEST_CASE("a record's twin owns its bytes and keeps null apart from empty",
          "[connectors][kafka][record]") {
  STATIC_REQUIRE_FALSE(self_contained<record>);
  STATIC_REQUIRE(self_contained<owned_record>);
  STATIC_REQUIRE(has_origin<record>);
  std::string bytes = "key-and-a-value-too-long-for-any-small-string";
  const std::vector<header> headers{
      {"trace", std::string_view(bytes).substr(0, 3)}, {"none", std::nullopt}, {"empty", ""}};
  const record view{.key = std::string_view(bytes).substr(0, 3),
                    .value = std::nullopt,
                    .topic = "t",
                    .offset = 7,
                    .timestamp = event_time(std::chrono::milliseconds(5)),
                    .headers = headers,
                    .partition = 2,
                    .stamped_by = timestamp_kind::create};
  const auto owned = record_traits<record>::to_owned(view);
  arena to;
  const auto moved = record_traits<record>::relocate(view, to);
  bytes.assign(bytes.size(), '?');
  CHECK(owned.key == "key");
  CHECK(owned.value == std::nullopt);
  CHECK(owned.headers ==
        std::vector<owned_header>{{"trace", "key"}, {"none", std::nullopt}, {"empty", ""}});
  CHECK(record_traits<record>::to_owned(moved) == owned);
  auto empty = view;
  empty.value = "";
  CHECK(record_traits<record>::to_owned(empty).value == "");
  CHECK(record_traits<record>::relocate(empty, to).value == "");
}

TEST_CASE("a record shows its place, key and value", "[connectors][kafka][record]") {
  const std::vector<header> headers{{"trace", "1"}, {"none", std::nullopt}};
  record shown{.key = "k", .value = std::nullopt, .topic = "lines", .offset = 42, .partition = 3};
  std::string text;
  format_record(shown, text);
  CHECK(text == "lines/3@42 (k,null)");
  shown.headers = headers;
  shown.key.reset();
  shown.value = "";
  CHECK(fmt::format("{}", shown) == "lines/3@42 (null,) [trace=1, none=null]");
  CHECK(fmt::format("{}", record_traits<record>::to_owned(shown)) == fmt::format("{}", shown));
  auto ctx = *context::make();
  const auto stream = direct_stream(ctx, {.brokers = "b:1", .topics = {"lines"}});
  stream.print();
  stream.map([](const record& r) { return timed<record>{{}, r}; }).print();
  stream.save_as_text_files("lines");
  CHECK(ctx.explain());
}

TEST_CASE("a message to be written converts between view and owner",
          "[connectors][kafka][record]") {
  const owned_outgoing owner{
      .topic = "t", .key = "k", .value = std::nullopt, .headers = {{"h", "1"}}, .partition = 4};
  const outgoing view = owner;
  CHECK(record_traits<outgoing>::to_owned(view) == owner);
  arena to;
  CHECK(record_traits<outgoing>::to_owned(record_traits<outgoing>::relocate(view, to)) == owner);
}

TEST_CASE("a write-ahead log keeps all of a record", "[connectors][kafka][record][wal]") {
  const std::vector<header> headers{{"trace", "3f"}, {"none", std::nullopt}, {"", ""}};
  const record view{.key = std::nullopt,
                    .value = "v",
                    .topic = "t",
                    .offset = 7,
                    .timestamp = event_time(std::chrono::milliseconds(5)),
                    .headers = headers,
                    .partition = 2,
                    .stamped_by = timestamp_kind::append};
  const auto log = write_ahead<record>("somewhere");
  std::string bytes;
  log.encode(&view, bytes);
  const auto read = [&](std::string_view in) {
    std::vector<owned_record> found;
    const auto decoded = log.decode(in, &found, [](void* to, const void* r) {
      static_cast<std::vector<owned_record>*>(to)->push_back(
          record_traits<record>::to_owned(*static_cast<const record*>(r)));
    });
    CHECK(decoded.has_value() == (found.size() == 1));
    return found;
  };
  CHECK(read(bytes) == std::vector{record_traits<record>::to_owned(view)});
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    CHECK(read(bytes.substr(0, cut)).empty());
  // A number of headers that cannot be: nothing is reserved for them.
  const auto count = bytes.find(std::string("\3\0\0\0\5\0\0\0trace", 13));
  REQUIRE(count != std::string::npos);
  bytes.replace(count, 4, "\xff\xff\xff\xff");
  CHECK(read(bytes).empty());
}

TEST_CASE("a receiver stream may have headers and a log", "[connectors][kafka][record][wal]") {
  CHECK(receiver_stream_options{
      .brokers = "b:1",
      .topics = {"t"},
      .group = "g",
      .include_headers = true,
      .push = {.name = "in", .write_ahead_log = write_ahead<record>("somewhere")}}
            .check());
}
