// Windows when a batch is undone after every stage has ended it, when the input has no batch, and
// when the user's functions throw.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using namespace std::chrono_literals;
using weir::test::every_mode;
using weir::testing::test_job;
using pair = std::pair<std::string, int>;

namespace {

constexpr auto plus = std::plus<>{};
constexpr auto minus = std::minus<>{};

} // namespace

SCENARIO("a batch that is undone leaves no trace in any window", "[operators][window][abort]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<pair>(2);
  const auto all = job.output(in.stream().window(2s), "window");
  const auto number = job.output(in.stream().count_by_window(2s), "count");
  const auto sums = job.output(in.stream().reduce_by_key_and_window(plus, 2s), "anew");
  const auto kept = job.output(in.stream().reduce_by_key_and_window(plus, minus, 2s), "inverse");
  const auto groups = job.output(in.stream().group_by_key_and_window(2s), "groups");

  in.add_partitions({{{"a", 1}}, {{"b", 2}}});
  job.step();
  in.add_partitions({{{"a", 10}}, {{"c", 3}}});
  job.step_undone();
  job.step(); // a tick later, so "a" and "b" of the first batch have left a window of two
  const std::vector<pair> rows = {{"a", 10}, {"c", 3}};
  all.expect(rows);
  number.expect({2});
  sums.expect(rows);
  kept.expect(rows);
  groups.expect({{"a", {10}}, {"c", {3}}});
  in.add({{"a", 100}});
  job.step_undone();
  job.step_undone();
  job.step();
  kept.expect({{"a", 100}});
  sums.expect({{"a", 100}});
  number.expect({1});
  job.step();
  kept.expect({{"a", 100}});
  job.step();
  kept.expect({});
  number.expect({0});
}

SCENARIO("what is undone goes back to values that were already changed",
         "[operators][window][abort]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<pair>();
  const auto kept = job.output(in.stream().reduce_by_key_and_window(plus, minus, 4s));
  in.add({{"a", 1}, {"b", 1}});
  job.step();
  in.add({{"a", 2}});
  job.step_undone();
  in.add({{"b", 5}, {"c", 5}});
  job.step_undone();
  job.step(); // batch 4 of the window (0, 4]
  kept.expect({{"a", 3}, {"b", 6}, {"c", 5}});
  job.step_undone(); // takes the first batch out, and puts it back
  job.step();
  kept.expect({{"a", 2}, {"b", 5}, {"c", 5}});
}

SCENARIO("batches that the input misses are skipped", "[operators][window][missing]") {
  test_job job(GENERATE(from_range(every_mode())));
  const auto in = job.input<int>(2);
  const auto all = job.output(in.stream().window(2s));
  const auto number = job.output(in.stream().count_by_window(2s));
  const auto sum = job.output(in.stream().reduce_by_window(plus, 2s));
  const auto same = job.output(in.stream().reduce_by_window(plus, minus, 2s));
  const auto step_missing = [&] {
    in.miss_next();
    job.step();
  };
  step_missing(); // not even a first batch
  all.expect({});
  number.expect({0});
  sum.expect({});
  in.add_partitions({{1}, {2}});
  job.step();
  all.expect({1, 2});
  step_missing();
  all.expect({1, 2});
  number.expect({2});
  sum.expect({3});
  same.expect({3});
  step_missing();
  all.expect({});
  number.expect({0});
  same.expect({});
}

SCENARIO("a function of a window that throws fails the batch or drops what it was given",
         "[operators][window][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto careful = [](int a, int b) {
    return b == 13 ? throw std::runtime_error("unlucky") : a + b;
  };
  const auto run = [&](weir::on_error policy, auto build) {
    auto options = weir::test::options_for(how);
    options.on_error = policy;
    return [=]() mutable {
      auto job = std::make_unique<test_job>(options);
      auto in = job->input<pair>();
      auto out = job->output(build(in.stream()));
      in.add({{"a", 1}});
      job->step();
      in.add({{"a", 13}, {"b", 2}});
      return std::tuple(std::move(job), out);
    }();
  };
  const auto anew = [&](const auto& in) { return in.reduce_by_key_and_window(careful, 3s); };
  const auto inverse = [&](const auto& in) {
    return in.reduce_by_key_and_window(careful, minus, 3s);
  };
  {
    auto [job, out] = run(weir::on_error::fail, anew);
    CHECK_THAT(job->step_failing().message(),
               Catch::Contains("reduce_by_key_and_window") && Catch::Contains("unlucky"));
  }
  {
    auto [job, out] = run(weir::on_error::fail, inverse);
    CHECK_THAT(job->step_failing().message(), Catch::Contains("unlucky"));
  }
  {
    auto [job, out] = run(weir::on_error::drop, anew);
    CHECK(job->step().dropped == 1);
    out.expect({{"a", 1}, {"b", 2}});
  }
}
