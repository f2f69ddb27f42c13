#include <weir/connectors/kafka/internal/errors.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;

TEST_CASE("librdkafka's errors become weir's, with what to do", "[connectors][kafka][errors]") {
  const auto down =
      to_error(RD_KAFKA_RESP_ERR__TRANSPORT, "asking for topics", "Connection refused");
  CHECK(down.code() == errc::unreachable_broker);
  CHECK_THAT(down.message(), Catch::Matchers::Contains("asking for topics: ") &&
                                 Catch::Matchers::Contains("_TRANSPORT") &&
                                 Catch::Matchers::Contains("Connection refused") &&
                                 Catch::Matchers::Contains("`brokers`"));
  CHECK(to_error(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "x").code() == errc::authentication);
  CHECK(to_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "x").code() == errc::unknown_topic);
  CHECK(to_error(RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, "x").code() == errc::offset_out_of_range);
  CHECK(to_error(RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "x").code() == errc::fenced);
}

TEST_CASE("each error has a nature that decides what happens next", "[connectors][kafka][errors]") {
  CHECK(nature_of(RD_KAFKA_RESP_ERR__PARTITION_EOF) == nature::none);
  CHECK(nature_of(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) == nature::transient);
  CHECK(nature_of(RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT) == nature::transient);
  CHECK(nature_of(RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION) == nature::membership);
  CHECK(nature_of(RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) == nature::position);
  CHECK(nature_of(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) == nature::missing);
  CHECK(nature_of(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) == nature::record);
  CHECK(nature_of(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) == nature::final);
}

TEST_CASE("a login by SCRAM that a defect may have spoilt is told apart",
          "[connectors][kafka][errors]") {
  constexpr int ours = 0x020002ff;
  constexpr int fixed = 0x020601ff;
  for (const auto* mechanism : {"SCRAM-SHA-256", "SCRAM-SHA-512"}) {
    CHECK_FALSE(login_hint(RD_KAFKA_RESP_ERR__AUTHENTICATION, mechanism, ours).empty());
    CHECK_FALSE(login_hint(RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, mechanism, ours).empty());
    CHECK(login_hint(RD_KAFKA_RESP_ERR__AUTHENTICATION, mechanism, fixed).empty());
    CHECK(login_hint(RD_KAFKA_RESP_ERR__SSL, mechanism, ours).empty());
    CHECK(login_hint(RD_KAFKA_RESP_ERR__TRANSPORT, mechanism, ours).empty());
  }
  for (const auto* mechanism : {"PLAIN", "GSSAPI", ""})
    CHECK(login_hint(RD_KAFKA_RESP_ERR__AUTHENTICATION, mechanism, ours).empty());
}
