// What a start says of state that ends with the job, or that other processes would have a part of.
#include <weir/runtime/internal/state_warning.hpp>
#include <weir/runtime/state_store.hpp>
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

using Catch::Contains;
using namespace std::chrono_literals;

namespace {

using pair = std::pair<int, int>;

/// A store that is never opened: the graph alone is looked at.
struct unopened final : weir::state_backend {
  weir::expected<std::unique_ptr<weir::state_store>> open(const std::string&,
                                                          std::uint32_t) override {
    return weir::error(weir::errc::io, "never opened");
  }
};

/// The warnings of a job's starts.
struct warned {
  std::vector<std::string> lines;
  weir::context job;

  explicit warned(weir::context_options options = weir::test::options_for())
      : job(*weir::context::make([&] {
          options.log = [this](const weir::log_record& record) {
            if (record.level == weir::log_level::warning)
              lines.emplace_back(record.message);
          };
          return options;
        }())) {}

  auto pairs() { return weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>()); }
};

constexpr auto ignore = [](const auto&) {};

} // namespace

SCENARIO("a start warns once of what ends with the job", "[runtime][context]") {
  warned t;
  const auto in = t.pairs();
  const auto timed = in.assign_timestamps([](const pair& p) {
                         return weir::event_time(std::chrono::seconds(p.first));
                       }).share();
  in.window(2s).for_each_batch(ignore);
  in.reduce_by_key_and_window(std::plus<>{}, std::minus<>{}, 2s).for_each_batch(ignore);
  in.count_by_window(2s).for_each_batch(ignore);
  const auto state_line = __LINE__ + 1;
  in.map_with_state<int>([](int, const int*, weir::keyed_state<int>&) { return 1; })
      .named("sums")
      .for_each_batch(ignore);
  in.update_state_by_key<int>([](auto, std::optional<int> s) { return s; }).for_each_batch(ignore);
  in.running().emit(weir::output_mode::update).count_by_key().for_each_batch(ignore);
  in.deduplicate([](const pair& p) { return p.first; }).for_each_batch(ignore);
  timed.tumbling(1s).count().for_each_batch(ignore);
  timed.interval_join(timed, 0s, 1s).for_each_batch(ignore);
  in.reduce_by_key(std::plus<>{}).for_each_batch(ignore); // keeps nothing

  REQUIRE(t.job.start());
  REQUIRE(t.lines.size() == 1);
  const auto& text = t.lines.front();
  for (const auto* name :
       {"'window'", "'reduce_by_key_and_window'", "'count_by_window'", "'update_state_by_key'",
        "'running.count_by_key'", "'deduplicate'", "'tumbling.count'", "'interval_join'"})
    CHECK_THAT(text, Contains(name));
  CHECK_THAT(text, Contains(fmt::format("'sums' (map_with_state, line {})", state_line)));
  CHECK_THAT(text,
             Contains("ends with the job") && !Contains("'reduce_by_key'") && !Contains("group '"));
  REQUIRE(t.job.stop());
  REQUIRE(t.job.start());
  CHECK(t.lines.size() == 1);
  REQUIRE(t.job.stop());
}

SCENARIO("a start does not warn of a job that keeps nothing, or is not to say so",
         "[runtime][context]") {
  GIVEN("a job without state") {
    warned t;
    t.pairs().reduce_by_key(std::plus<>{}).for_each_batch(ignore);
    REQUIRE(t.job.start());
    CHECK(t.lines.empty());
  }
  GIVEN("state in a store") {
    auto options = weir::test::options_for();
    options.state = std::make_shared<unopened>();
    warned t(options);
    t.pairs()
        .map_with_state<int>([](int, const int*, weir::keyed_state<int>&) { return 1; })
        .named("sums")
        .for_each_batch(ignore);
    CHECK(weir::state_warning(t.job.composed()->graph).empty());
    AND_WHEN("a window joins it") {
      t.pairs().window(2s).for_each_batch(ignore);
      CHECK_THAT(weir::state_warning(t.job.composed()->graph),
                 Contains("'window'") && !Contains("sums"));
    }
  }
  GIVEN("a log that hears of errors only") {
    auto options = weir::test::options_for();
    options.min_log_level = weir::log_level::error;
    warned t(options);
    t.pairs().window(2s).for_each_batch(ignore);
    REQUIRE(t.job.start());
    CHECK(t.lines.empty());
  }
}
