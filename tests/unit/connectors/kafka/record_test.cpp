#include <weir/connectors/kafka/outgoing.hpp>
#include <weir/connectors/kafka/record.hpp>

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

TEST_CASE("a message to be written converts between view and owner",
          "[connectors][kafka][record]") {
  const owned_outgoing owner{
      .topic = "t", .key = "k", .value = std::nullopt, .headers = {{"h", "1"}}, .partition = 4};
  const outgoing view = owner;
  CHECK(record_traits<outgoing>::to_owned(view) == owner);
  arena to;
  CHECK(record_traits<outgoing>::to_owned(record_traits<outgoing>::relocate(view, to)) == owner);
}
