// Replicas, links, windows and shares of memory.
#include <weir/runtime/plan.hpp>

#include <catch2/catch.hpp>
#include <tests/support/replicas.hpp>

using weir::node_id;
using weir::partition_rule;
using weir::test::bare_node;

namespace {

weir::node fixed(std::uint32_t partitions, std::vector<node_id> inputs) {
  auto n = bare_node(weir::node_kind::stage, "shuffle", std::move(inputs));
  n.partitions = partition_rule::fixed;
  n.fixed_partitions = partitions;
  return n;
}

weir::node sink_of(node_id input, std::uint32_t max_replicas = 0) {
  auto n = bare_node(weir::node_kind::sink, "sink", {input});
  n.max_replicas = max_replicas;
  return n;
}

} // namespace

SCENARIO(
    "a node has no more replicas than worker threads, partitions of its input, or its own limit",
    "[runtime][planner]") {
  weir::graph g;
  auto source = bare_node(weir::node_kind::source, "source");
  source.max_replicas = 3;
  const auto from = g.add(source);
  const auto shuffle = g.add(fixed(2, {from}));
  const auto behind = g.add(bare_node(weir::node_kind::stage, "behind", {shuffle}));
  g.add(sink_of(behind, 1));
  const auto p = weir::make_plan(g, {.worker_threads = 8});
  REQUIRE(p);
  CHECK(p->at(from).replicas == 3);
  CHECK(p->at(shuffle).replicas == 8);
  CHECK(p->at(behind).replicas == 2); // two partitions reach it
  CHECK(p->at(node_id(3)).replicas == 1);
  CHECK(p->replicas == 14);
  CHECK(p->at(behind).first_replica == weir::replica_id(11));
  CHECK(p->at(behind).slots == 8);
}

SCENARIO("the default number of partitions is that of the worker threads, at most 128",
         "[runtime][planner]") {
  weir::graph g;
  const auto from = g.add(bare_node(weir::node_kind::source, "source"));
  const auto shuffle = g.add(fixed(0, {from}));
  g.add(sink_of(shuffle));
  CHECK(weir::make_plan(g, {.worker_threads = 3})->at(shuffle).fixed_partitions == 3);
  CHECK(weir::make_plan(g, {.worker_threads = 200, .memory_budget = std::size_t{8} << 30})
            ->at(shuffle)
            .fixed_partitions == 128);
  CHECK(weir::make_plan(g, {.worker_threads = 3, .default_partitions = 7})
            ->at(shuffle)
            .fixed_partitions == 7);
}

SCENARIO("a union has the partitions of its inputs one after another", "[runtime][planner]") {
  weir::graph g;
  const auto from = g.add(bare_node(weir::node_kind::source, "source"));
  const auto left = g.add(fixed(2, {from}));
  const auto right = g.add(fixed(3, {from}));
  auto both = bare_node(weir::node_kind::stage, "union", {left, right});
  both.concatenates = true;
  const auto joined = g.add(both);
  g.add(sink_of(joined));
  const auto p = weir::make_plan(g, {.worker_threads = 8});
  REQUIRE(p);
  CHECK(p->at(joined).replicas == 5);
  weir::batch b;
  b.sources.push_back({.name = "source", .ranges = {{}, {}, {}, {}}});
  REQUIRE(weir::describe_nodes(g, *p, b));
  CHECK(b.nodes[joined.value].input_offsets == std::vector<std::uint32_t>{0, 2});
  CHECK(b.nodes[joined.value].input_partitions == 5);
  CHECK(b.nodes[left.value].input_partitions == 4);
}

SCENARIO("a missing batch stays missing, or is an error where all inputs are needed",
         "[runtime][planner]") {
  weir::graph g;
  const auto here = g.add(bare_node(weir::node_kind::source, "here"));
  const auto gone = g.add(bare_node(weir::node_kind::source, "gone"));
  const auto mapped = g.add(bare_node(weir::node_kind::stage, "map", {gone}));
  auto both = bare_node(weir::node_kind::stage, "union_with", {here, mapped});
  both.concatenates = true;
  both.needs_all_inputs = true;
  const auto joined = g.add(both);
  g.add(sink_of(joined));
  const auto p = weir::make_plan(g, {.worker_threads = 1});
  REQUIRE(p);
  weir::batch b;
  b.sources.resize(2);
  b.sources[1].present = false;
  const auto described = weir::describe_nodes(g, *p, b);
  REQUIRE_FALSE(described);
  CHECK(described.error().code() == weir::errc::invalid_graph);
  CHECK_THAT(described.error().message(),
             Catch::Contains("'union_with'") && Catch::Contains("'map'"));
  CHECK_FALSE(b.nodes[mapped.value].present);
}

SCENARIO("the windows of all links fit the edges' share, two blocks each at least",
         "[runtime][planner]") {
  weir::graph g;
  const auto from = g.add(bare_node(weir::node_kind::source, "source"));
  const auto shuffle = g.add(fixed(4, {from}));
  g.add(sink_of(shuffle));
  const auto p = weir::make_plan(g, {.worker_threads = 4, .memory_budget = 8 << 20});
  REQUIRE(p);
  std::size_t windows = 0;
  for (const auto& planned : p->nodes)
    for (const auto& edge : planned.outputs) {
      CHECK(edge.window.blocks >= 2);
      CHECK(edge.window.bytes >=
            2 * static_cast<std::int64_t>(planned.limits.max_bytes)); // blocks shrink to fit
      windows += static_cast<std::size_t>(edge.window.bytes) * planned.replicas *
                 p->at(edge.consumer).replicas;
    }
  CHECK(windows <= p->budget.edges);
}

SCENARIO("a budget too small for the links between replicas is refused", "[runtime][planner]") {
  weir::graph g;
  const auto from = g.add(bare_node(weir::node_kind::source, "source"));
  const auto shuffle = g.add(fixed(128, {from}));
  g.add(sink_of(shuffle));
  const auto p = weir::make_plan(g, {.worker_threads = 64, .memory_budget = 8 << 20});
  REQUIRE_FALSE(p);
  CHECK(p.error().code() == weir::errc::out_of_budget);
  CHECK_THAT(p.error().message(),
             Catch::Contains("memory_budget") && Catch::Contains("worker_threads"));
}

SCENARIO("what is kept is shared by the replicas that keep something", "[runtime][planner]") {
  weir::graph g;
  const auto from = g.add(bare_node(weir::node_kind::source, "source"));
  auto keeps = bare_node(weir::node_kind::stage, "group", {from});
  keeps.retains = true;
  const auto group = g.add(keeps);
  g.add(sink_of(group));
  const auto p = weir::make_plan(g, {.worker_threads = 4});
  REQUIRE(p);
  CHECK(p->at(group).retained_share == p->budget.retained / 4);
  CHECK(p->at(from).retained_share == 0);
}
