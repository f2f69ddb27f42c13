#include <weir/connectors/kafka/internal/queue_sizes.hpp>

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::kafka;

TEST_CASE("queues of all partitions fit the share of the budget", "[connectors][kafka][memory]") {
  for (const std::size_t share :
       {std::size_t{2} << 20, std::size_t{16} << 20, std::size_t{128} << 20, std::size_t{4} << 30})
    for (const std::size_t partitions : {1U, 3U, 18U, 20U}) {
      CAPTURE(share, partitions);
      const auto sizes = size_queues(share, partitions);
      REQUIRE(sizes);
      CHECK(sizes->bytes_per_partition() * static_cast<std::int64_t>(partitions) <=
            static_cast<std::int64_t>(share));
      CHECK(sizes->min_messages >= 50);
      CHECK(sizes->max_kbytes >= 1);
      CHECK(sizes->partition_bytes >= 16 * 1024);
      CHECK(sizes->fetch_bytes >= sizes->partition_bytes);
    }
}

TEST_CASE("a share that is too small is an error with the remedy", "[connectors][kafka][memory]") {
  const auto sizes = size_queues(std::size_t{1} << 20, 100);
  REQUIRE_FALSE(sizes);
  CHECK(sizes.error().code() == errc::out_of_budget);
  CHECK_THAT(sizes.error().message(), Catch::Matchers::Contains("100 partitions") &&
                                          Catch::Matchers::Contains("raise the memory budget"));
}
