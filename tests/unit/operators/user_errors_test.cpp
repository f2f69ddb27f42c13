// User functions that throw: the batch fails with operator and place, or the record is dropped and
// counted.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using Catch::Contains;
using weir::errc;
using weir::on_error;
using weir::test::every_mode;
using pair = std::pair<std::string, int>;

namespace {

int throw_at_13(int n) { return n == 13 ? throw std::runtime_error("unlucky") : n; }

/// A job on two partitions, the second of which has 13 at offset 2.
template <class Out>
struct unlucky_job {
  template <class Build>
  unlucky_job(weir::test::run_mode how, Build build, on_error policy = on_error::fail) {
    auto options = weir::test::options_for(how);
    options.on_error = policy;
    options.log = [this](const weir::log_record& r) {
      std::lock_guard guard(log_mutex);
      messages.emplace_back(r.message);
    };
    job.emplace(*weir::testing::stepped_job::make(std::move(options)));
    build(weir::memory_stream(job->context(), input, "numbers")).to(weir::memory_sink(table));
    input->append_all({1, 2}, 0);
    input->append_all({3, 4, 13, 5}, 1);
  }

  /// Runs the batch, which must fail. @returns why.
  weir::error failure() {
    const auto report = job->step();
    REQUIRE(report);
    REQUIRE(report->failure);
    CHECK(table->batches().empty()); // nothing is committed
    const auto ended = job->context().await();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().message() == report->failure->message());
    return *report->failure;
  }

  std::mutex log_mutex;
  std::vector<std::string> messages;
  std::shared_ptr<weir::memory_log<int>> input = std::make_shared<weir::memory_log<int>>(2);
  std::shared_ptr<weir::memory_table<Out>> table = std::make_shared<weir::memory_table<Out>>();
  std::optional<weir::testing::stepped_job> job;
};

} // namespace

SCENARIO("a step that throws fails the batch with operator, topic, partition and offset",
         "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  unlucky_job<int> t(how,
                     [](auto in) { return in.filter([](int) { return true; }).map(throw_at_13); });
  const auto failure = t.failure();
  CHECK(failure.code() == errc::user_function_failed);
  CHECK_THAT(failure.message(), Contains("'map'") && Contains("unlucky") &&
                                    Contains("topic numbers partition 1 offset 2"));
}

SCENARIO("the offset is known through several nodes that keep partitions",
         "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  unlucky_job<int> t(how, [](auto in) {
    return in.filter([](int n) { return n != 3; })
        .share()
        .filter([](int n) { return n != 4; })
        .share()
        .map(throw_at_13);
  });
  CHECK_THAT(t.failure().message(), Contains("topic numbers partition 1 offset 2"));
}

SCENARIO("behind a shuffle the message names the batch's ranges", "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  unlucky_job<int> t(how, [](auto in) { return in.repartition(2).map(throw_at_13); });
  CHECK_THAT(t.failure().message(),
             Contains("'map'") &&
                 Contains("batch 1767225601000 ms: numbers/0 [0, 2), numbers/1 [0, 4)"));
}

SCENARIO("every kind of function may throw, also what is no exception",
         "[operators][user_errors]") {
  using numbers = std::vector<int>;
  const auto message = [](auto build) {
    unlucky_job<int> t({}, build);
    return t.failure().message();
  };
  CHECK_THAT(message([](auto in) { return in.filter([](int n) { return throw_at_13(n) > 0; }); }),
             Contains("'filter'"));
  CHECK_THAT(message([](auto in) { return in.inspect([](int n) { (void)throw_at_13(n); }); }),
             Contains("'inspect'"));
  CHECK_THAT(
      message([](auto in) { return in.flat_map([](int n) { return numbers{throw_at_13(n)}; }); }),
      Contains("'flat_map'"));
  CHECK_THAT(message([](auto in) {
               return in.map([](int n) { return std::pair(n, n); })
                   .map_values(throw_at_13)
                   .map([](const auto& p) { return p.first; });
             }),
             Contains("'map_values'"));
  CHECK_THAT(message([](auto in) {
               return in.map([](int n) { return std::pair(n, n); })
                   .flat_map_values([](int n) { return numbers{throw_at_13(n)}; })
                   .map([](const auto& p) { return p.first; });
             }),
             Contains("'flat_map_values'"));
  CHECK_THAT(message([](auto in) {
               return in.map_partitions([](const weir::partition_view<int>& one) {
                 return numbers{throw_at_13(one.size() > 3 ? 13 : 1)};
               });
             }),
             Contains("'map_partitions'") && Contains("topic numbers partition 1, in [0, 4)"));
  CHECK_THAT(message([](auto in) { return in.map([](int n) { return n == 13 ? throw 7 : n; }); }),
             Contains("no std::exception"));
}

SCENARIO("dropped records are left out, counted and logged once per batch",
         "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  const bool for_all = GENERATE(true, false); // by the option or at the operator
  unlucky_job<int> t(
      how,
      [&](auto in) {
        const auto odd_only = [](int n) {
          return n % 2 == 0 ? throw std::runtime_error("even") : n;
        };
        return for_all ? in.map(odd_only) : in.map(odd_only).on_error(on_error::drop);
      },
      for_all ? on_error::drop : on_error::fail);
  const auto report = t.job->step();
  REQUIRE(report);
  REQUIRE_FALSE(report->failure);
  CHECK(weir::test::sorted(t.table->rows()) == std::vector{1, 3, 5, 13});
  CHECK(report->dropped == 2);
  CHECK(report->operators[1].dropped == 2);
  CHECK(report->operators[1].records_in == 6);
  CHECK(report->operators[1].records_out == 4);
  const auto line = [&](std::string_view place) {
    std::lock_guard guard(t.log_mutex);
    return std::count_if(t.messages.begin(), t.messages.end(),
                         [&](const std::string& m) { return m.find(place) != std::string::npos; });
  };
  CHECK(line("record dropped at topic numbers partition 0 offset 1") == 1);
  CHECK(line("record dropped at topic numbers partition 1 offset 1") == 1);
}

SCENARIO("a reduce function that throws fails the batch", "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  const auto join = [](int a, int b) { return throw_at_13(b) + a; };
  unlucky_job<int> in_partition(how, [&](auto in) { return in.reduce(join); });
  CHECK_THAT(in_partition.failure().message(), Contains("reduce") && Contains("numbers"));
  unlucky_job<std::pair<int, int>> by_key(how, [&](auto in) {
    return in.map([](int n) { return std::pair(0, n); }).reduce_by_key(join);
  });
  CHECK_THAT(by_key.failure().message(), Contains("reduce_by_key") && Contains("numbers"));
}

SCENARIO("what was reduced before a dropped record stays", "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  CAPTURE(how);
  // By value: the accumulator is moved into the function that throws.
  const auto longer = [](std::string all, const std::string& more) {
    if (more == "13")
      throw std::runtime_error("unlucky");
    return std::max(std::move(all), more);
  };
  const auto text = [](int n) {
    return std::string(20, static_cast<char>('0' + n % 10)) + std::to_string(n);
  };
  const auto write = [&](int n) { return n == 13 ? std::string("13") : text(n); };
  // 3 and 4 come before 13, 5 after it; 13 is never first in its partition.
  unlucky_job<std::string> whole(how, [&](auto in) {
    return in.filter([](int n) { return n != 5; })
        .map(write)
        .reduce(longer)
        .on_error(on_error::drop);
  });
  const auto report = whole.job->step();
  REQUIRE(report);
  REQUIRE_FALSE(report->failure);
  CHECK(whole.table->rows() == std::vector{text(4)});
  CHECK(report->dropped == 1);

  unlucky_job<std::pair<int, std::string>> by_key(how, [&](auto in) {
    return in.filter([](int n) { return n != 5; })
        .map([&](int n) { return std::pair(0, write(n)); })
        .reduce_by_key(longer)
        .on_error(on_error::drop);
  });
  const auto keyed_report = by_key.job->step();
  REQUIRE(keyed_report);
  REQUIRE_FALSE(keyed_report->failure);
  CHECK(by_key.table->rows() == std::vector{std::pair(0, text(4))});
  CHECK(keyed_report->dropped == 1);
}

SCENARIO("the first value of a key may be what throws", "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  unlucky_job<std::pair<int, int>> t(how, [](auto in) {
    return in.map([](int n) { return std::pair(n, n); })
        .combine_by_key(throw_at_13, std::plus<>{}, std::plus<>{})
        .on_error(on_error::drop);
  });
  const auto report = t.job->step();
  REQUIRE(report);
  REQUIRE_FALSE(report->failure);
  CHECK(t.table->rows().size() == 5);
  CHECK(report->dropped == 1);
}

SCENARIO("an action that throws fails the batch with its ranges", "[operators][user_errors]") {
  const auto how = GENERATE(from_range(every_mode()));
  unlucky_job<int> t(how, [](auto in) {
    in.for_each_batch(
        [](const weir::batch_view<int>&) { throw std::runtime_error("the database is gone"); });
    return in.filter([](int n) { return n == 13; }).repartition(1).map([](int n) { return n; });
  });
  const auto report = t.job->step();
  REQUIRE(report);
  REQUIRE(report->failure);
  CHECK(report->failure->code() == errc::user_function_failed);
  CHECK_THAT(report->failure->message(), Contains("'for_each_batch'") &&
                                             Contains("the database is gone") &&
                                             Contains("numbers/1 [0, 4)"));
  CHECK_FALSE(t.job->context().await());

  unlucky_job<int> by_partition(how, [](auto in) {
    in.for_each_partition(
        [](const weir::partition_view<int>& one) { (void)throw_at_13(one.size() == 4 ? 13 : 0); });
    return in.filter([](int) { return false; });
  });
  CHECK_THAT(by_partition.job->step()->failure->message(),
             Contains("'for_each_partition'") && Contains("unlucky"));
}
