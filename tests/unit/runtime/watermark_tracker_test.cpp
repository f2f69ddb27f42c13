// From reported event times to watermarks: minima, idle and unknown partitions, what only rises.
#include <weir/runtime/internal/watermark_tracker.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace weir;

namespace {

event_time at(std::chrono::milliseconds t) { return event_time(t); }
steady_time clock_at(duration t) { return steady_time(t); }

/// Two sources, an assigner behind each, and a stage that reads both: nodes 0 to 4.
struct fixture {
  explicit fixture(watermark_options options = {.max_out_of_orderness = 2ms},
                   bool bounded = false) {
    add(node_kind::source, {});
    add(node_kind::source, {});
    add(node_kind::stage, {node_id(0)}, options);
    add(node_kind::stage, {node_id(1)}, options);
    add(node_kind::stage, {node_id(2), node_id(3)}, {}, 5ms);
    all.nodes.resize(5);
    all.nodes[2].cost_of = source_id(0);
    all.nodes[3].cost_of = source_id(1);
    tracker.emplace(job, all, bounded);
  }

  void add(node_kind kind, std::vector<node_id> inputs,
           std::optional<watermark_options> assigns = {}, std::chrono::milliseconds lowers = {}) {
    node n;
    n.kind = kind;
    n.inputs = std::move(inputs);
    n.assigns = assigns;
    n.lowers_watermark = lowers;
    job.add(std::move(n));
  }

  /// A batch of two partitions per source, with the watermarks it starts with.
  batch start(duration now = {}) {
    batch whole;
    for (int s = 0; s < 2; ++s)
      whole.sources.push_back(
          {.name = "s",
           .ranges = {{.topic = "t", .partition = 0, .from = 0, .until = 1, .latest = 1},
                      {.topic = "t", .partition = 1, .from = 0, .until = 1, .latest = 1}}});
    whole.nodes.resize(5);
    for (auto& n : whole.nodes)
      n.input_partitions = 2;
    tracker->fix(whole, clock_at(now));
    return whole;
  }

  struct seen {
    std::uint32_t node;
    std::uint32_t partition;
    std::chrono::milliseconds latest;
  };
  void complete(const batch& whole, const std::vector<seen>& all_seen, duration now = {}) {
    std::vector<replica_report> reports;
    for (const auto& s : all_seen)
      reports.push_back({.replica = {},
                         .node = node_id(s.node),
                         .epoch = {},
                         .counts = {},
                         .partitions = {},
                         .edges = {},
                         .event_times = {{partition_id(s.partition), at(s.latest)}}});
    tracker->completed(whole, reports, clock_at(now));
  }

  graph job;
  plan all;
  std::optional<watermark_tracker> tracker;
};

const std::vector<fixture::seen> everywhere = {
    {2, 0, 10ms}, {2, 1, 20ms}, {3, 0, 30ms}, {3, 1, 40ms}};

} // namespace

SCENARIO("the watermark is the least of all partitions and inputs, less the delay",
         "[runtime][watermark]") {
  fixture f;
  const auto first = f.start();
  CHECK(first.nodes[4].evict == watermark::min());
  CHECK_FALSE(f.tracker->due(clock_at(0s)));
  f.complete(first, everywhere);
  CHECK(f.tracker->due(clock_at(0s)));

  const auto second = f.start();
  CHECK(second.nodes[0].evict == watermark::min()); // nothing is known before an assigner
  CHECK(second.nodes[2].evict == at(8ms));
  CHECK(second.nodes[3].evict == at(28ms));
  CHECK(second.nodes[4].evict == at(8ms));
  CHECK(second.nodes[4].passes_on == at(3ms));
  CHECK(second.nodes[4].late == watermark::min());
  f.complete(second, {});
  CHECK_FALSE(f.tracker->due(clock_at(0s)));
  CHECK(f.start().nodes[4].late == at(8ms));
}

SCENARIO("a partition of which nothing is known holds the watermark back until it is idle",
         "[runtime][watermark]") {
  fixture f({.idle_after = 10s});
  f.complete(f.start(), {{2, 0, 10ms}, {3, 0, 30ms}, {3, 1, 40ms}}, 0s);
  CHECK(f.start(9s).nodes[2].evict == watermark::min());
  f.complete(f.start(9s), {{2, 0, 11ms}, {3, 0, 30ms}, {3, 1, 40ms}}, 9s);
  CHECK(f.start(10s).nodes[2].evict == at(11ms));
  // Once all are idle the watermark stays.
  CHECK(f.start(60s).nodes[2].evict == at(11ms));
  // A partition that wakes behind the others does not turn it back.
  f.complete(f.start(60s), {{2, 1, 3ms}}, 60s);
  CHECK(f.start(60s).nodes[2].evict == at(11ms));
}

SCENARIO("with idle_after 0 a partition is never idle", "[runtime][watermark]") {
  fixture f({.idle_after = 0s});
  f.complete(f.start(), {{2, 0, 10ms}});
  CHECK(f.start(24h).nodes[2].evict == watermark::min());
}

SCENARIO("a bounded run leaves out partitions that it finds empty", "[runtime][watermark]") {
  fixture f({.max_out_of_orderness = 2ms}, true);
  f.complete(f.start(), {{2, 0, 10ms}, {3, 0, 30ms}, {3, 1, 40ms}});
  CHECK(f.start().nodes[2].evict == at(8ms));
}

SCENARIO("an aborted batch leaves no trace, and a missing one leaves what is late as it was",
         "[runtime][watermark]") {
  fixture f;
  f.complete(f.start(), everywhere);
  const auto aborted = f.start();
  CHECK(aborted.nodes[4].evict == at(8ms));
  auto again = f.start();
  CHECK(again.nodes[4].late == watermark::min());
  again.nodes[4].present = false;
  f.complete(again, {});
  CHECK(f.start().nodes[4].late == watermark::min());
  CHECK(f.start().nodes[3].late == at(28ms));
}

SCENARIO("a partition that left the source holds nothing back", "[runtime][watermark]") {
  fixture f;
  f.complete(f.start(), everywhere);
  auto fewer = f.start();
  for (auto& part : fewer.sources)
    part.ranges.erase(part.ranges.begin()); // the other partition is number 0 now
  for (auto& n : fewer.nodes)
    n.input_partitions = 1;
  f.complete(fewer, {{2, 0, 25ms}});
  CHECK(f.start().nodes[2].evict == at(23ms));
}
