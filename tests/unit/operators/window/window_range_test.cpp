// Which batches a window covers, when it gives one itself, and how many partitions that has.
#include <weir/operators/window/window_range.hpp>
#include <weir/runtime/plan.hpp>

#include <catch2/catch.hpp>

using weir::detail::window_shape;

namespace {

weir::batch batch_at(std::int64_t index, std::int64_t before) {
  weir::batch b;
  b.index = index;
  b.before = before;
  return b;
}

std::pair<std::int64_t, std::int64_t> range(window_shape shape, std::int64_t index,
                                            std::int64_t before) {
  const auto found = shape.of(batch_at(index, before));
  return {found.after, found.until};
}

using pair = std::pair<std::int64_t, std::int64_t>;

} // namespace

SCENARIO("a window covers the batches of its length", "[operators][window]") {
  const window_shape sliding{.length = 3, .slide = 2};
  CHECK(range(sliding, 2, 1) == pair(-1, 2)); // begins short
  CHECK(range(sliding, 4, 3) == pair(1, 4));
  THEN("a slide that was merged away is made up for by the next batch, over its own time") {
    CHECK(range(sliding, 5, 3) == pair(1, 4));
  }
  THEN("a pause of whole slides leaves no batch out") {
    const window_shape touching{.length = 2, .slide = 2};
    CHECK(range(touching, 9, 3) == pair(2, 8)); // batch 3 was due at 4
  }
  THEN("gaps stay gaps") {
    const window_shape apart{.length = 1, .slide = 3};
    CHECK(range(apart, 3, 2) == pair(2, 3));
    CHECK(range(apart, 10, 4) == pair(8, 9));
    CHECK(apart.covers(3));
    CHECK_FALSE(apart.covers(4));
    CHECK_FALSE(apart.covers(5));
  }
}

SCENARIO("a window keeps what a later one may cover", "[operators][window]") {
  const window_shape sliding{.length = 3, .slide = 2};
  CHECK(sliding.expired(4) == 3); // the next one covers (3, 6]
  CHECK(sliding.expired(5) == 3);
  CHECK(sliding.expired(6) == 5);
  const window_shape touching{.length = 2, .slide = 2};
  CHECK(touching.expired(3) == 2); // also when 4 is merged away
  const window_shape apart{.length = 1, .slide = 3};
  CHECK(apart.expired(3) == 5);
}

SCENARIO("a windowed node has a batch at its slides, and what follows it likewise",
         "[runtime][planner][window]") {
  weir::graph g;
  const auto add = [&](weir::node_kind kind, const char* name, std::vector<weir::node_id> inputs,
                       std::uint32_t slide = 0) {
    weir::node n;
    n.kind = kind;
    n.operators.push_back({.kind = name, .where = {}});
    n.inputs = std::move(inputs);
    n.slide = slide;
    n.partitions = kind == weir::node_kind::source ? weir::partition_rule::of_source
                                                   : weir::partition_rule::of_input;
    return g.add(std::move(n));
  };
  const auto source = add(weir::node_kind::source, "source", {});
  const auto window = add(weir::node_kind::stage, "window", {source}, 2);
  const auto sink = add(weir::node_kind::sink, "sink", {window});
  CHECK(g.slide_of(source) == 1);
  CHECK(g.slide_of(sink) == 2);
  const auto p = weir::make_plan(g, {.worker_threads = 1});
  REQUIRE(p);
  CHECK_THAT(weir::explain(g, *p, weir::explain_format::text),
             Catch::Contains("every 2 batch intervals"));

  const auto described = [&](std::int64_t index, std::int64_t before, std::size_t partitions,
                             bool present = true, const weir::batch* last = nullptr) {
    auto b = batch_at(index, before);
    b.sources.resize(1);
    b.sources[0].present = present;
    b.sources[0].ranges.resize(partitions);
    REQUIRE(weir::describe_nodes(g, *p, b, last));
    CHECK(b.nodes[sink.value].present == b.nodes[window.value].present);
    return b;
  };
  CHECK_FALSE(described(1, 0, 1).nodes[window.value].present);
  CHECK(described(2, 1, 1).nodes[window.value].present);
  CHECK(described(3, 1, 1).nodes[window.value].present); // 2 was merged away
  CHECK_FALSE(described(3, 2, 1).nodes[window.value].present);
  THEN("also where its input has none") {
    const auto b = described(4, 3, 1, false);
    CHECK(b.nodes[window.value].present);
    CHECK_FALSE(b.nodes[source.value].present);
  }
  THEN("it keeps the partitions that its input has lost") {
    const auto wide = described(1, 0, 5);
    const auto narrow = described(2, 1, 3, true, &wide);
    CHECK(narrow.nodes[source.value].partitions == 3);
    CHECK(narrow.nodes[window.value].partitions == 5);
  }
}
