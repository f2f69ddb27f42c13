// The checksum of logs: a known value, and the processor's beside the portable one.
#include <weir/runtime/internal/crc32c.hpp>

#include <catch2/catch.hpp>
#include <tests/support/properties.hpp>

#include <string>

TEST_CASE("CRC-32C is that of the standards", "[runtime][wal]") {
  CHECK(weir::crc32c("") == 0U);
  CHECK(weir::crc32c("123456789") == 0xE3069283U);           // the check value of its definition
  CHECK(weir::crc32c(std::string(32, '\0')) == 0x8A9136AAU); // RFC 3720, B.4
}

TEST_CASE("both ways to compute it agree", "[runtime][wal]") {
  weir::test::holds_for(500, [] {
    const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    RC_ASSERT(weir::crc32c(bytes) == weir::portable_crc32c(bytes));
  });
}
