// Every mistake of a graph at once, each with the line of the user's call; and the plan for people.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using Catch::Contains;
using weir::errc;

namespace {

auto numbers(weir::context& to) {
  return weir::memory_stream(to, std::make_shared<weir::memory_log<int>>(2));
}
constexpr auto same = [](int n) { return n; };
constexpr auto ignore = [](const weir::batch_view<int>&) {};

/// "graph_test.cpp:<line>", as it stands in messages.
std::string place(std::uint_least32_t line) { return fmt::format("graph_test.cpp:{}", line); }

} // namespace

SCENARIO("an empty graph is refused", "[runtime][graph]") {
  auto ctx = *weir::context::make();
  const auto started = ctx.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == errc::invalid_graph);
  CHECK_THAT(started.error().to_string(), Contains("the graph is empty"));
}

SCENARIO("all mistakes of a graph are told at once, each with its line", "[runtime][graph]") {
  auto ctx = *weir::context::make();
  auto other = *weir::context::make();
  const auto in = numbers(ctx);
  const auto forgotten_line = __LINE__ + 1;
  const weir::stream<int> forgotten = in.map(same);
  const auto zero_line = __LINE__ + 1;
  in.repartition(0).for_each_batch(ignore);
  const auto many_line = __LINE__ + 1;
  in.map([](int n) { return std::pair(n, n); }).reduce_by_key(std::plus<>{}, 129).print();
  const auto first_name = in.map(same).named("twice");
  first_name.for_each_batch(ignore);
  const auto second_name_line = __LINE__ + 1;
  in.filter([](int) { return true; }).named("twice").for_each_batch(ignore);
  const auto union_line = __LINE__ + 1;
  in.union_with(numbers(other)).for_each_batch(ignore);

  const auto started = ctx.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == errc::invalid_graph);
  const auto text = started.error().to_string();
  INFO(text);
  CHECK(started.error().causes().size() == 5);
  CHECK_THAT(text, Contains("'map' is never used") && Contains(place(forgotten_line)));
  CHECK_THAT(text, Contains("partitions is 0") && Contains(place(zero_line)));
  CHECK_THAT(text, Contains("partitions is 129") && Contains(place(many_line)));
  CHECK_THAT(text,
             Contains("the name 'twice' is already taken") && Contains(place(second_name_line)));
  CHECK_THAT(text, Contains("two contexts") && Contains(place(union_line)));
  THEN("explain tells the same, and nothing runs") {
    CHECK_FALSE(ctx.explain());
    CHECK_FALSE(ctx.running());
  }
}

SCENARIO("a chain without an action is a mistake, also where its stream has another one",
         "[runtime][graph]") {
  const auto mistake = [](auto compose) {
    auto ctx = *weir::context::make();
    compose(numbers(ctx));
    const auto started = ctx.start();
    return started ? std::string("none") : started.error().to_string();
  };
  const auto twice = [](int n) { return 2 * n; };
  std::uint_least32_t line = 0;
  const auto behind_an_action = mistake([&](auto in) {
    in.for_each_batch(ignore);
    line = __LINE__ + 1;
    (void)in.map(twice);
  });
  CHECK_THAT(behind_an_action, Contains("'map' is never used") && Contains(place(line)));
  const auto behind_a_used_step = mistake([&](auto in) {
    const auto first = in.map(twice);
    first.for_each_batch(ignore);
    line = __LINE__ + 1;
    (void)first.filter([](int) { return true; });
  });
  CHECK_THAT(behind_a_used_step,
             Contains("'filter' is never used") && Contains(place(line)) && !Contains("'map'"));
  CHECK_THAT(mistake([&](auto in) {
               in.map(twice).for_each_batch(ignore);
               (void)in.map(twice).named("lost").on_error(weir::on_error::drop);
             }),
             Contains("'map' is never used"));
  CHECK_THAT(mistake([&](auto in) {
               const auto shared = in.map(twice).share();
               shared.for_each_batch(ignore);
               (void)shared.map([](int n) { return std::pair(n, 1); }).reduce_by_key(std::plus<>{});
             }),
             Contains("is never used"));
  CHECK_THAT(mistake([&](auto in) {
               in.for_each_batch(ignore);
               auto timed = in.assign_timestamps([](int) { return weir::event_time(); });
               (void)timed.tumbling(std::chrono::seconds(1)); // not aggregated
             }),
             Contains("'assign_timestamps' is never used"));
  // What is used once is used, by whatever copy; and what is used twice as well.
  CHECK(mistake([&](auto in) {
          const auto first = in.map(twice);
          const auto copy = first.named("copy");
          copy.for_each_batch(ignore);
          in.map(twice).flat_map([](int n) { return std::vector{n}; }).for_each_batch(ignore);
          const auto both = in.map(twice);
          both.map(twice).for_each_batch(ignore);
          both.for_each_batch(ignore);
          in.map([](int n) { return std::pair(n, 1); }).count_by_value().print();
          (void)in.map(twice).remember(std::chrono::seconds(1));
        }) == "none");
}

SCENARIO("a node that is added after the start is told at the next start", "[runtime][graph]") {
  auto ctx = *weir::context::make(weir::test::options_for());
  const auto in = numbers(ctx);
  in.for_each_batch(ignore);
  REQUIRE(ctx.start());
  const auto late_line = __LINE__ + 1;
  in.map(same).for_each_batch(ignore);
  CHECK(ctx.running());
  const auto stopped = ctx.stop();
  CHECK_FALSE(ctx.running());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == weir::errc::invalid_state);
  CHECK_THAT(stopped.error().to_string(),
             Contains("composed after its start") && Contains(place(late_line)));
  CHECK(ctx.await().error().code() == weir::errc::invalid_state);
  const auto again = ctx.start();
  REQUIRE_FALSE(again);
  CHECK_THAT(again.error().to_string(),
             Contains("added after the start") && Contains(place(late_line)));
}

SCENARIO("the plan as text lists every node, its operators and where they were written",
         "[runtime][explain]") {
  auto ctx = *weir::context::make({.worker_threads = 2, .memory_budget = 20 << 20});
  const auto in = numbers(ctx);
  const auto with_one = [](int n) { return std::pair(n, 1); };
  const auto line = __LINE__ + 1;
  in.map(with_one).named("pairs").reduce_by_key(std::plus<>{}, 3).print(5);
  const auto text = ctx.explain();
  REQUIRE(text);
  INFO(*text);
  CHECK_THAT(*text,
             Contains("2 worker thread(s), 20 MiB: 9 for sources, 4 for edges, 7 for kept data"));
  CHECK_THAT(*text, Contains("0 source memory  x2, one partition per range\n"));
  CHECK_THAT(*text,
             Contains("1 stage  pairs (map | reduce_by_key (combine))  x2, 3 partitions  <- 0\n"));
  CHECK_THAT(*text, Contains("2 stage  reduce_by_key  x2, partitions of its input  <- 1\n"));
  CHECK_THAT(*text, Contains("3 sink   print  x1  <- 2\n"));
  CHECK_THAT(*text, Contains(fmt::format("map at {}:{}", __FILE__, line)));
}

SCENARIO("the plan as a drawing names nodes and edges", "[runtime][explain]") {
  auto ctx = *weir::context::make({.worker_threads = 1});
  weir::memory_stream(ctx, std::make_shared<weir::memory_log<int>>(), "quoted \"name\"")
      .for_each_batch(ignore);
  const auto dot = ctx.explain(weir::explain_format::dot);
  REQUIRE(dot);
  CHECK_THAT(*dot, Catch::StartsWith("digraph job {") && Catch::EndsWith("}\n"));
  CHECK_THAT(*dot, Contains(R"(n0 [label="quoted \"name\" x1"];)"));
  CHECK_THAT(*dot, Contains("n0 -> n1 [label="));
}
