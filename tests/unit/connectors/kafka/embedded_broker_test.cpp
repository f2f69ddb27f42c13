#include "kafka_fixture.hpp"

using namespace weir;
using namespace weir::kafka;

TEST_CASE("an embedded broker holds topics", "[connectors][kafka][embedded]") {
  auto broker = broker_with("t", 2);
  CHECK_THAT(broker.bootstrap(), Catch::Matchers::Contains("127.0.0.1:"));
  CHECK_FALSE(broker.create_topic("t", 2));
  produce_numbers(broker.bootstrap(), "t", 1, 0, 25);
  const auto marks = broker.watermarks("t", 1);
  REQUIRE(marks);
  CHECK(marks->low == 0);
  CHECK(marks->high == 25);
  CHECK(broker.watermarks("t", 0)->high == 0);
  CHECK(embedded_broker::make(0).error().code() == errc::invalid_config);
}

TEST_CASE("an embedded broker refuses topics that cannot be", "[connectors][kafka]") {
  auto broker = weir::kafka::embedded_broker::make();
  REQUIRE(broker);
  for (const std::int32_t partitions : {0, -1, INT32_MIN, 10'001, INT32_MAX})
    CHECK(broker->create_topic("t", partitions).error().code() == weir::errc::invalid_config);
  for (const std::string name : {"", " ", "a/b", ".."})
    CHECK(broker->create_topic(name, 1).error().code() == weir::errc::invalid_config);
  CHECK(broker->create_topic("t", 1));
}
