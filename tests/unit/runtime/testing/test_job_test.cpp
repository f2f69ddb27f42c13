// The test kit: what it says when a job does not do what a test expects.
#include <weir/runtime/testing/test_job.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>

using Catch::Contains;
using namespace weir::testing;
using counted = std::pair<std::string, std::int64_t>;

namespace {

template <class Do>
std::string failure_of(Do&& act) {
  try {
    act();
  } catch (const unexpected& failure) {
    return failure.what();
  }
  return "";
}

} // namespace

SCENARIO("a difference names what is missing and what is too much", "[testing]") {
  CHECK(difference<int>({1, 2, 2}, {2, 1, 2}).empty());
  CHECK(difference<int>({1, 2, 2, 3}, {1, 2, 7}) ==
        "\n  missing:    2\n  missing:    3\n  unexpected: 7\n  as expected: 2 row(s)");
  CHECK_THAT(difference<int>({}, std::vector<int>(12, 5)), Contains("unexpected: 2 more"));
}

SCENARIO("an output is looked at batch by batch", "[testing]") {
  in_every_mode([](run_mode how) {
    test_job job(how);
    const auto in = job.input<std::string>(2);
    const auto out = job.output(in.stream().count_by_value(), "words");
    in.add_partitions({{"a", "b"}, {"a"}});
    job.step();
    out.expect({{"b", 1}, {"a", 2}});
    CHECK(failure_of([&] { out.expect({{"a", 3}, {"b", 1}}); }) ==
          "'words', batch at 1767225601000 ms:\n  missing:    (a,3)\n  unexpected: (a,2)"
          "\n  as expected: 1 row(s)");
    job.step();
    out.expect({});
    CHECK(out.batches().size() == 2);
    CHECK_THAT(failure_of([&] { out.expect_no_batch(); }), Contains("got one of 0 row(s)"));
  });
}

SCENARIO("the order of rows can be expected too", "[testing]") {
  test_job job;
  const auto in = job.input<int>();
  const auto out = job.output(in.stream().map([](int n) { return n * 10; }));
  in.add({1, 2});
  job.step();
  out.expect_in_order({10, 20});
  out.expect({20, 10});
  CHECK_THAT(failure_of([&] { out.expect_in_order({20, 10}); }), Contains("order"));
}

SCENARIO("an input can miss a batch", "[testing]") {
  in_every_mode([](run_mode how) {
    test_job job(how);
    const auto in = job.input<int>();
    const auto out = job.output(in.stream());
    in.add({1});
    in.miss_next();
    job.step();
    out.expect_no_batch();
    CHECK_THAT(failure_of([&] { out.expect({1}); }), Contains("no batch"));
    job.step();
    out.expect({1});
  });
}

SCENARIO("a batch that is undone is read again, and no output shows it", "[testing]") {
  in_every_mode([](run_mode how) {
    test_job job(how);
    const auto left = job.input<int>(2, "left");
    const auto right = job.input<int>(1, "right");
    const auto out = job.output(left.stream().union_with(right.stream()));
    left.add_partitions({{1}, {2}});
    right.add({3});
    job.step_undone();
    out.expect_no_batch();
    job.step_undone();
    left.add({4});
    job.step();
    out.expect({1, 2, 3, 4});
    CHECK(out.batches().size() == 1);
  });
}

SCENARIO("ticks that pass unnoticed are merged into the next batch", "[testing]") {
  in_every_mode([](run_mode how) {
    test_job job(how);
    const auto in = job.input<int>();
    const auto out = job.output(in.stream());
    job.step();
    const auto report = job.step(3);
    CHECK(report.merged_ticks == 3);
    CHECK(report.time == weir::batch_time(std::chrono::seconds(1'767'225'605)));
    out.expect({});
  });
}

SCENARIO("a job that fails says why", "[testing]") {
  in_every_mode([](run_mode how) {
    const auto unlucky = [](int n) { return n == 13 ? throw std::runtime_error("unlucky") : n; };
    test_job expected_to(how);
    const auto in = expected_to.input<int>();
    const auto out = expected_to.output(in.stream().map(unlucky));
    in.add({13});
    CHECK(expected_to.step_failing().code() == weir::errc::user_function_failed);

    test_job not_expected_to(how);
    const auto same = not_expected_to.input<int>();
    const auto unseen = not_expected_to.output(same.stream().map(unlucky));
    same.add({13});
    CHECK_THAT(failure_of([&] { not_expected_to.step(); }), Contains("unlucky"));
  });
  test_job without_action;
  const auto in = without_action.input<int>();
  (void)in.stream().map([](int n) { return n; }).share();
  CHECK_THAT(failure_of([&] { without_action.step(); }), Contains("never used"));
  CHECK_THAT(failure_of([] { test_job wrong(weir::context_options{.name = ""}); }),
             Contains("name"));
}

SCENARIO("a job goes on behind a batch that failed", "[testing]") {
  in_every_mode([](run_mode how) {
    bool lucky = false;
    test_job job(how);
    const auto in = job.input<int>();
    const auto out = job.output(in.stream().map(
        [&](int n) { return n == 13 && !lucky ? throw std::runtime_error("unlucky") : n; }));
    for (int round = 0; round < 20; ++round) {
      lucky = false;
      in.add({13});
      CHECK(job.step_failing().code() == weir::errc::user_function_failed);
      CHECK(job.step_failing().code() == weir::errc::user_function_failed);
      lucky = true;
      job.step(); // starts again, and reads what did not complete
      job.step();
    }
  });
}

SCENARIO("a scenario that fails in one mode names it", "[testing]") {
  const auto failure = failure_of([] {
    in_every_mode([](run_mode how) {
      if (how.seed == 77)
        throw unexpected("something differs");
    });
  });
  CHECK(failure == "in line, seed 77: something differs");
}
