// Whether a batch that was prepared counts, told by where reading goes on.
#include <weir/operators/detail/batch_place.hpp>

#include <catch2/catch.hpp>

using weir::batch;
using weir::offset_range;
using weir::detail::counts_before;
using weir::detail::place_of;

namespace {

batch batch_of(std::vector<offset_range> ranges, bool open_ended = false) {
  batch whole;
  whole.open_ended = open_ended;
  whole.sources.push_back({.name = "clicks", .ranges = std::move(ranges)});
  return whole;
}

offset_range range(std::int32_t partition, std::int64_t from, std::int64_t until) {
  return {.topic = "t", .partition = partition, .from = from, .until = until};
}

} // namespace

TEST_CASE("a batch that is read again does not count, any other does", "[operators][state]") {
  const auto place = place_of(batch_of({range(0, 10, 20), range(1, 5, 5), range(2, 7, 9)}));
  CHECK_FALSE(*counts_before(place, batch_of({range(0, 10, 30), range(1, 5, 6), range(2, 7, 7)})));
  CHECK(*counts_before(place, batch_of({range(0, 20, 30), range(1, 5, 6), range(2, 9, 9)})));
  SECTION("other members may have some of its partitions") {
    CHECK_FALSE(*counts_before(place, batch_of({range(2, 7, 30)})));
    CHECK(*counts_before(place, batch_of({range(1, 5, 30)})));
    CHECK(*counts_before(place, batch_of({})));
  }
  SECTION("a source that begins anew does not read it again") {
    auto next = batch_of({range(0, 0, 30), range(2, 0, 30)});
    CHECK(*counts_before(place, next));
    next.sources[0].name = "views";
    CHECK(*counts_before(place, next));
  }
  SECTION("a part of it that is read again is refused") {
    const auto refused = counts_before(place, batch_of({range(0, 20, 30), range(2, 7, 9)}));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().to_string(),
               Catch::Contains("t [2] offset 7") && Catch::Contains("t [0] offset 10"));
  }
}

TEST_CASE("an open-ended batch counts when any of its partitions went on", "[operators][state]") {
  const auto place = place_of(batch_of({range(0, 10, 10), range(1, 5, 5)}, true));
  CHECK_FALSE(*counts_before(place, batch_of({range(0, 10, 10), range(1, 5, 5)}, true)));
  CHECK(*counts_before(place, batch_of({range(0, 12, 12), range(1, 5, 5)}, true)));
}

TEST_CASE("a place that is damaged is an error", "[operators][state]") {
  const auto place = place_of(batch_of({range(0, 10, 20)}));
  for (std::size_t cut = 0; cut < place.size(); ++cut)
    CHECK_FALSE(counts_before(place.substr(0, cut), batch_of({})));
}
