// One rate over partitions: by lag, within bounds, fractions kept.
#include <weir/backpressure/rate_split.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using weir::partition_backlog;
using weir::partition_id;
using weir::rate_split;

namespace {

std::vector<partition_backlog> backlogs(const std::vector<std::uint64_t>& lags) {
  std::vector<partition_backlog> all;
  for (std::uint32_t i = 0; i < lags.size(); ++i)
    all.push_back({.partition = partition_id{i}, .lag = lags[i]});
  return all;
}

std::vector<std::uint64_t> numbers(const std::vector<weir::partition_share>& shares) {
  std::vector<std::uint64_t> all;
  for (const auto& share : shares) {
    REQUIRE(share.max_records); // always a number, never "unlimited"
    all.push_back(*share.max_records);
  }
  return all;
}

std::uint64_t sum(const std::vector<std::uint64_t>& all) {
  return std::accumulate(all.begin(), all.end(), std::uint64_t{0});
}

using shares = std::vector<std::uint64_t>;

} // namespace

SCENARIO("a batch is divided by lag, and a tenth of it evenly", "[backpressure][rate_split]") {
  rate_split split;
  CHECK(numbers(split.divide(1000, backlogs({9000, 1000}))) ==
        shares{860, 140}); // 50 + 0.9 * 900, 50 + 0.1 * 900
}

SCENARIO("what a partition cannot use goes to the others", "[backpressure][rate_split]") {
  rate_split split;
  GIVEN("a partition with little lag") {
    CHECK(numbers(split.divide(1000, backlogs({10, 5000, 5000}))) == shares{10, 495, 495});
  }
  GIVEN("a ceiling for every partition") {
    CHECK(numbers(split.divide(1000, backlogs({90000, 5000, 5000}), 0, 400)) ==
          shares{400, 300, 300});
  }
  GIVEN("a cap on one partition") {
    auto capped = backlogs({5000, 5000});
    capped[0].cap = 100;
    CHECK(numbers(split.divide(1000, capped)) == shares{100, 900});
  }
}

SCENARIO("each partition with lag is sure of its floor", "[backpressure][rate_split]") {
  rate_split split;
  GIVEN("floors that fit the batch") {
    const auto given = numbers(split.divide(100, backlogs({1'000'000, 500, 0}), 20));
    CHECK(given[1] >= 20);
    CHECK(given[2] == 0);
    CHECK(sum(given) >= 99); // the rest is a fraction, carried
  }
  GIVEN("floors that add up to more than the batch") {
    THEN("the batch is divided evenly and not exceeded") {
      CHECK(numbers(split.divide(30, backlogs({1'000'000, 500, 500}), 20)) == shares{10, 10, 10});
    }
  }
}

SCENARIO("a limit above the lag tells that the rate does not bind", "[backpressure][rate_split]") {
  rate_split split;
  CHECK(numbers(split.divide(100, backlogs({10, 30}))) == shares{40, 60}); // 60 to spare, 30 each
  CHECK(numbers(split.divide(100, backlogs({0, 0}))) == shares{50, 50});
}

SCENARIO("fractions are carried to later batches and add up exactly",
         "[backpressure][rate_split]") {
  GIVEN("a rate of one record per ten batches over three partitions") {
    rate_split split;
    shares total(3, 0);
    for (int batch = 0; batch < 300; ++batch) {
      const auto given = numbers(split.divide(0.1, backlogs({1000, 1000, 1000})));
      for (std::size_t p = 0; p < 3; ++p)
        total[p] += given[p];
    }
    THEN("every partition got its ten records") { CHECK(total == shares{10, 10, 10}); }
  }
  GIVEN("a ceiling of 1.5 records per batch") {
    rate_split split;
    std::uint64_t total = 0;
    for (int batch = 1; batch <= 1000; ++batch) {
      total += sum(numbers(split.divide(1e6, backlogs({5000}), 0, 1.5)));
      REQUIRE(static_cast<double>(total) <=
              1.5 * batch + 1e-6); // at no time above the ceiling in all
    }
    CHECK(total == 1500);
  }
}

SCENARIO("a partition that comes back starts without old fractions", "[backpressure][rate_split]") {
  rate_split split;
  CHECK(numbers(split.divide(0.9, backlogs({10}))) == shares{0});
  CHECK(numbers(split.divide(5, {})).empty());
  CHECK(numbers(split.divide(0.9, backlogs({10}))) == shares{0});
  CHECK(numbers(split.divide(0.9, backlogs({10}))) == shares{1});
}

SCENARIO("equal partitions take turns, and each batch has the whole of its limit",
         "[backpressure][rate_split]") {
  const auto [partitions, limit] = GENERATE(table<std::size_t, double>({
      {5000, 100.0}, // 1000/s, batches of 100 ms
      {200, 10.0},   // 1000/s, batches of 10 ms
      {200, 2.5},
      {7, 3.3},
  }));
  rate_split split;
  const auto waiting = backlogs(shares(partitions, 1'000'000));
  shares total(partitions, 0);
  double promised = 0;
  std::uint64_t given = 0;
  const int batches = 3 * static_cast<int>(std::ceil(static_cast<double>(partitions) / limit));
  for (int batch = 0; batch < batches; ++batch) {
    const auto all = numbers(split.divide(limit, waiting));
    promised += limit;
    given += sum(all);
    REQUIRE(std::abs(static_cast<double>(given) - promised) < 1 + 1e-6); // at all times
    for (std::size_t p = 0; p < partitions; ++p) {
      REQUIRE(all[p] <= 2);
      total[p] += all[p];
    }
  }
  const auto [least, most] = std::ranges::minmax(total);
  CHECK(least + 1 >= most);
  CHECK(least >= 2);
}

SCENARIO("a record that is left goes to a partition that can read it",
         "[backpressure][rate_split]") {
  rate_split split;
  GIVEN("partitions of one record beside a deep one") {
    auto waiting = backlogs({1, 1, 1, 1000});
    for (int batch = 0; batch < 50; ++batch) {
      const auto all = numbers(split.divide(5.5, waiting));
      REQUIRE(*std::ranges::max_element(all.begin(), all.end() - 1) <= 1);
      REQUIRE(sum(all) == (batch % 2 == 0 ? 5 : 6));
    }
  }
}

SCENARIO("partitions that come and go leave the sum of a batch as it is",
         "[backpressure][rate_split]") {
  rate_split split;
  std::uint64_t given = 0;
  for (int batch = 1; batch <= 600; ++batch) {
    std::vector<std::uint64_t> lags(100, 50);
    for (std::size_t p = 0; p < lags.size(); ++p)
      lags[p] = (p * 7 + static_cast<std::size_t>(batch) * 13) % 10 < 5 ? 0 : 50 + p;
    auto waiting = backlogs(lags);
    if (batch % 50 == 0)
      waiting.resize(60); // some are lost for a batch
    const auto all = numbers(split.divide(12.25, waiting));
    for (std::size_t p = 0; p < all.size(); ++p)
      REQUIRE((all[p] == 0 || lags[p] > 0));
    given += sum(all);
    REQUIRE(std::abs(static_cast<double>(given) - 12.25 * batch) < 1 + 1e-6);
  }
}

SCENARIO("no partition has more than its ceiling in all when partitions take turns",
         "[backpressure][rate_split]") {
  rate_split split;
  const auto waiting = backlogs(shares(20, 1000));
  shares total(20, 0);
  for (int batch = 1; batch <= 400; ++batch) {
    const auto all = numbers(split.divide(4, waiting, 0, 0.25)); // the sum of the ceilings is 5
    for (std::size_t p = 0; p < all.size(); ++p) {
      total[p] += all[p];
      REQUIRE(static_cast<double>(total[p]) <= 0.25 * batch + 1e-6);
    }
  }
  CHECK(sum(total) == 1600);
  CHECK(std::ranges::max(total) - std::ranges::min(total) <= 1);
}
