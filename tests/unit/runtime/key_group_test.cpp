// Where keys live, for ever.
#include <weir/runtime/key_group.hpp>

#include <catch2/catch.hpp>

#include <set>

using weir::key_hash;
using weir::partition_of;

SCENARIO("hashes are the same on every machine and in every version", "[runtime][key_group]") {
  // Golden values: checkpoints and repartition topics address keys by them. Never change them.
  CHECK(key_hash<std::string>{}(std::string()) ==
        0x2d06800538d394c2ULL); // XXH3 of nothing, as published
  CHECK(key_hash<std::string>{}(std::string("weir")) == 0x09831dc741817118ULL);
  CHECK(key_hash<std::int64_t>{}(42) == 0xd5a6f8c838df27c8ULL);
  CHECK((key_hash<std::pair<std::string, std::int32_t>>{}({"a", 1})) == 0x332d8fde124825dfULL);
}

SCENARIO("what is equal hashes alike", "[runtime][key_group]") {
  CHECK(key_hash<std::string>{}(std::string_view("key")) ==
        key_hash<std::string>{}(std::string("key")));
  CHECK(key_hash<std::string_view>{}(std::string_view("key")) ==
        key_hash<std::string>{}(std::string("key")));
  CHECK(key_hash<double>{}(0.0) == key_hash<double>{}(-0.0));
  using viewed = std::pair<std::string_view, int>;
  using owned = std::pair<std::string, int>;
  CHECK(key_hash<viewed>{}({"a", 1}) == key_hash<owned>{}({"a", 1}));
}

SCENARIO("key groups fall into contiguous runs of partitions", "[runtime][key_group]") {
  CHECK(weir::key_group_of(0) == 0);
  CHECK(weir::key_group_of(~0ULL) == 127);
  for (const std::uint32_t partitions : {1U, 2U, 3U, 100U, 128U}) {
    std::set<std::uint32_t> hosts;
    std::uint32_t before = 0;
    for (std::uint32_t group = 0; group < weir::key_groups; ++group) {
      const auto host = weir::partition_of_group(group, partitions).value;
      CHECK(host >= before);
      before = host;
      hosts.insert(host);
    }
    CHECK(hosts.size() == partitions);
    CHECK(*hosts.rbegin() == partitions - 1);
  }
}

SCENARIO("many keys spread evenly over the partitions", "[runtime][key_group]") {
  std::vector<int> keys(4);
  for (int key = 0; key < 4000; ++key)
    ++keys[partition_of(key, 4).value];
  for (const int here : keys)
    CHECK(std::abs(here - 1000) < 150);
}
