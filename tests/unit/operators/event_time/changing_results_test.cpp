// Results that change may not be aggregated again.
#include "events.hpp"

using namespace std::chrono_literals;
using std::int64_t;
using weir::output_mode;
using weir::test::at;
using weir::test::event;
using weir::test::keyed_by_time;
using weir::test::of;

SCENARIO("an aggregation behind one whose results change is a mistake",
         "[operators][event_time][windows]") {
  const auto ignore = [](const auto&) {};
  const auto mistake = [&](auto compose) {
    auto job = *weir::testing::stepped_job::make(weir::test::options_for());
    compose(weir::memory_stream(job.context(), std::make_shared<weir::memory_log<event>>(1)));
    const auto started = job.context().start();
    return started ? std::string("none") : started.error().to_string();
  };
  const auto pairs = [](const auto& in) {
    return in.map([](const event& e) { return std::pair(e.key, 1); });
  };
  const auto time_of_pair = [](const std::pair<std::string, std::int64_t>& p) {
    return at(static_cast<int>(p.second));
  };
  for (const auto first : {output_mode::update, output_mode::complete})
    for (const auto second : {output_mode::update, output_mode::complete}) {
      const auto refused =
          "stands behind an aggregation that emits " + std::string(to_string(first));
      const auto check = [&](auto compose) {
        CHECK_THAT(mistake(compose), Catch::Contains(refused));
      };
      // By key and over all records, at once, with steps and with nodes between.
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .running()
            .emit(second)
            .count_by_key()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        in.running()
            .emit(first)
            .count()
            .map([](std::int64_t n) { return n; })
            .share()
            .running()
            .emit(second)
            .reduce(std::plus<>{})
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .reduce_by_key(std::plus<>{})
            .running()
            .emit(second)
            .group()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        keyed_by_time(in)
            .tumbling(10ms)
            .emit(first)
            .count()
            .running()
            .emit(second)
            .count()
            .for_each_batch(ignore);
      });
      check([&](auto in) {
        pairs(in)
            .running()
            .emit(first)
            .count_by_key()
            .assign_timestamps(time_of_pair)
            .tumbling(10ms)
            .emit(second)
            .count()
            .for_each_batch(ignore);
      });
      // One of several inputs is enough.
      check([&](auto in) {
        auto results =
            keyed_by_time(in).tumbling(10ms).count().map([](const auto&) { return 1; }).share();
        auto changing = keyed_by_time(in)
                            .tumbling(10ms)
                            .emit(first)
                            .count()
                            .map([](const auto&) { return 1; })
                            .share();
        results.union_with(changing).running().emit(second).count().for_each_batch(ignore);
      });
    }
  // What is final may be added up, and what changes may be ordered or seen as it is.
  CHECK(mistake([&](auto in) {
          keyed_by_time(in)
              .tumbling(10ms)
              .count()
              .running()
              .emit(output_mode::update)
              .count()
              .for_each_batch(ignore);
        }) == "none");
  CHECK(mistake([&](auto in) {
          pairs(in)
              .running()
              .emit(output_mode::complete)
              .count_by_key()
              .sorted()
              .for_each_batch(ignore);
        }) == "none");
}
