// Drop, retry, and the share of bad records that turns either into a failure.
#include "bad_records.hpp"

#include <weir/operators/detail/failure_policy.hpp>

#include <atomic>

using namespace std::chrono_literals;
using Catch::Contains;
using weir::errc;
using weir::on_error;
using weir::test::every_mode;
using weir::test::number_in;
using weir::test::text_job;

SCENARIO("a policy out of range is refused at the start, with the user's line",
         "[operators][error_policy]") {
  const auto why = [](const on_error& policy) {
    text_job<int> t({}, [&](auto in) { return in.map(number_in).on_error(policy); });
    const auto started = t.job->step();
    REQUIRE_FALSE(started);
    CHECK(started.error().code() == errc::invalid_graph);
    return started.error().to_string();
  };
  CHECK_THAT(why(on_error::drop.max_bad_ratio(0)),
             Contains("max_bad_ratio is 0") && Contains("error_policy_test.cpp"));
  CHECK_THAT(why(on_error::drop.max_bad_ratio(1.5)), Contains("1.5"));
  CHECK_THAT(why(on_error::retry(17, 1ms)), Contains("at most 16"));
  CHECK_THAT(why(on_error::retry(10, 1s)), Contains("0 to 60 s"));
  CHECK_THAT(why(on_error::retry(1, -1s)), Contains("0 to 60 s"));
  CHECK_THAT(why(on_error::retry(1, 1s, on_error::retry(1, 1s))), Contains("another retry"));
  const auto box = std::make_shared<weir::test::letter_box>();
  auto alone = weir::test::letters_to(box);
  alone.traits.parallel = false;
  CHECK_THAT(why(on_error::dead_letter(alone)), Contains("'box'") && Contains("one replica"));
  CHECK_THAT(why(on_error::dead_letter({})), Contains("without a factory"));

  auto options = weir::test::options_for();
  options.on_error = on_error::drop.max_bad_ratio(2);
  CHECK(weir::context::make(options).error().code() == errc::invalid_config);
}

SCENARIO("the waits of a retry double", "[operators][error_policy]") {
  const auto policy = on_error::retry(4, 10ms, on_error::drop);
  CHECK(policy.check());
  CHECK(policy.wait_before(0) == 10ms);
  CHECK(policy.wait_before(1) == 20ms);
  CHECK(policy.wait_before(3) == 80ms);
  CHECK(policy.finally() == on_error::action::drop);
  CHECK(policy.blocking());
  CHECK_FALSE(on_error::drop.blocking());
}

SCENARIO("a function that fails for a while is called again, and the record is not lost",
         "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const auto flaky = [calls](const std::string& text) {
    if (text == "2" && ++*calls < 3)
      throw std::runtime_error("the service is busy");
    return number_in(text);
  };
  text_job<int> t(how, [&](auto in) {
    return in.map(flaky).on_error(on_error::retry(2, 0ms)).filter([](int) { return true; });
  });
  t.input->append_all({"1", "2", "3"});
  const auto report = t.good_step();
  CHECK(t.table->rows() == std::vector{1, 2, 3});
  CHECK(*calls == 3);
  CHECK(report.dropped == 0);
}

SCENARIO("steps of every kind are retried, each record once", "[operators][error_policy]") {
  const auto calls = std::make_shared<std::map<std::string, int>>();
  const auto once_bad = [calls](const std::string& where) {
    if (++(*calls)[where] == 1)
      throw std::runtime_error("not yet");
  };
  const auto again = on_error::retry(1, 0ms);
  text_job<int> t({}, [&](auto in) {
    return in.filter([=](const std::string& s) { return once_bad("filter" + s), true; })
        .on_error(again)
        .inspect([=](const std::string& s) { once_bad("inspect" + s); })
        .on_error(again)
        .flat_map([=](const std::string& s) {
          once_bad("flat_map" + s);
          return std::vector<std::string>{s, s};
        })
        .on_error(again)
        .map([](const std::string& s) { return std::pair(s, s); })
        .map_values([=](const std::string& s) { return once_bad("values" + s), number_in(s); })
        .on_error(again)
        .flat_map_values(
            [=](int n) { return once_bad("many" + std::to_string(n)), std::vector{n}; })
        .on_error(again)
        .map([](const auto& p) { return p.second; });
  });
  t.input->append_all({"1", "2"});
  (void)t.good_step();
  CHECK(t.table->rows() == std::vector{1, 1, 2, 2});
}

SCENARIO("when no retry helps, the policy behind it decides", "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto calls = std::make_shared<std::atomic<int>>(0);
  const auto hopeless = [calls](const std::string& text) {
    *calls += text == "x";
    return number_in(text);
  };
  GIVEN("drop") {
    text_job<int> t(how, [&](auto in) {
      return in.map(hopeless).on_error(on_error::retry(3, 0ms, on_error::drop));
    });
    t.input->append_all({"1", "x", "3"});
    CHECK(t.good_step().dropped == 1);
    CHECK(t.table->rows() == std::vector{1, 3});
    CHECK(*calls == 4);
  }
  GIVEN("fail") {
    text_job<int> t(how,
                    [&](auto in) { return in.map(hopeless).on_error(on_error::retry(2, 0ms)); });
    t.input->append_all({"1", "x", "3"});
    const auto failure = t.step().failure;
    REQUIRE(failure);
    CHECK_THAT(failure->message(), Contains("topic lines partition 0 offset 1"));
    CHECK(*calls == 3);
  }
}

SCENARIO("a stage that retries has a thread of its own", "[operators][error_policy]") {
  auto ctx = *weir::context::make(weir::test::options_for());
  auto log = std::make_shared<weir::memory_log<std::string>>();
  weir::memory_stream(ctx, log)
      .map(number_in)
      .on_error(on_error::retry(1, 1ms))
      .for_each_batch([](const auto&) {});
  const auto plan = ctx.explain();
  REQUIRE(plan);
  CHECK_THAT(*plan, Contains("own thread"));
}

SCENARIO("drops are logged at most once a second", "[operators][error_policy]") {
  auto options = weir::test::options_for();
  options.batch_interval = 250ms;
  text_job<int> t({}, [](auto in) { return in.map(number_in).on_error(on_error::drop); }, options);
  for (int batch = 0; batch < 8; ++batch) {
    t.input->append_all({"secret", "7"});
    (void)t.good_step();
  }
  CHECK(t.logged("record dropped at topic lines") == 2);
  CHECK(t.logged("'map'") == 2);
  CHECK(t.logged("secret") == 0); // never the payload
}

SCENARIO("too large a share of bad records fails the batch", "[operators][error_policy]") {
  const auto how = GENERATE(from_range(every_mode()));
  GIVEN("ten batches, two of a hundred records bad") {
    text_job<int> t(how, [](auto in) { return in.map(number_in).on_error(on_error::drop); });
    for (int batch = 1; batch <= 10; ++batch) {
      t.input->append_all(std::vector<std::string>(9, "1"));
      t.input->append(batch <= 2 ? "x" : "1");
      const auto report = t.step();
      (void)t.job;
      if (batch < 10) {
        REQUIRE_FALSE(report.failure);
        continue;
      }
      REQUIRE(report.failure);
      CHECK_THAT(report.failure->message(), Contains("'map'") &&
                                                Contains("2 of 100 records in 10 batches") &&
                                                Contains("0.01"));
    }
    CHECK(t.table->batches().size() == 9);
  }
  GIVEN("one of a hundred") {
    text_job<int> t(how, [](auto in) { return in.map(number_in).on_error(on_error::drop); });
    for (int batch = 1; batch <= 25; ++batch) {
      t.input->append_all(std::vector<std::string>(9, "1"));
      t.input->append(batch % 10 == 1 ? "x" : "1");
      (void)t.good_step();
      (void)t.good_step(); // an empty batch tells nothing
    }
  }
  GIVEN("many records in one batch") {
    text_job<int> t(how, [](auto in) { return in.map(number_in).on_error(on_error::drop); });
    t.input->append_all(std::vector<std::string>(900, "1"));
    t.input->append_all(std::vector<std::string>(100, "x"));
    REQUIRE(t.step().failure);
  }
  GIVEN("a limit that says so") {
    text_job<int> t(
        how, [](auto in) { return in.map(number_in).on_error(on_error::drop.max_bad_ratio(1)); });
    t.input->append_all(std::vector<std::string>(2000, "x"));
    CHECK(t.good_step().dropped == 2000);
  }
}

SCENARIO("a record with several bad parts is one bad record", "[operators][error_policy]") {
  weir::detail::bad_share share;
  share.add_bad(1);
  share.add_bad(1);
  share.add_bad(2);
  CHECK_FALSE(share.exceeds(0.002, 1000));
  CHECK(share.exceeds(0.0019, 1000));
  share.forget_open(); // aborted
  CHECK_FALSE(share.exceeds(0.0001, 1000));
}
