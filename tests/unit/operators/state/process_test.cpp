// process: state, timers and any number of results per key.
#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <tests/support/jobs.hpp>
#include <tests/support/stage_driver.hpp>

#include <map>
#include <set>

using namespace std::chrono_literals;
using weir::batch_time;
using weir::test::every_mode;
using weir::test::rows_of;
using weir::test::sorted;

namespace {

using pair = std::pair<std::string, int>;
using rows = std::vector<std::vector<pair>>;
using context = weir::process_context<int, pair>;

/// Counts records; a key that had none for two seconds is reported and forgotten.
struct sessions {
  void on_record(context& at, const std::string&, int) const {
    for (const auto timer : std::vector(at.timers().begin(), at.timers().end()))
      at.delete_timer(timer);
    at.set_timer(at.time() + 2s);
    at.state().update(at.state().get_option().value_or(0) + 1);
  }
  void on_timer(context& at, const std::string& key, batch_time) const {
    at.emit({key, at.state().get()});
    at.state().remove();
  }
};

/// A value from 1 to 9 sets a timer that many seconds ahead, its negative deletes it, 0 throws.
struct alarms {
  void on_record(context& at, const std::string& key, int value) const {
    if (value > 0)
      at.set_timer(at.time() + std::chrono::seconds(value));
    else
      at.delete_timer(at.time() + std::chrono::seconds(-value));
    at.emit({key, value});
    at.emit({key, 100 + value});
    if (value == 0)
      throw std::runtime_error("zero");
  }
  void on_timer(context& at, const std::string& key, batch_time time) const {
    at.emit({key, 1000 + static_cast<int>(time.time_since_epoch() / 1s)});
  }
};

template <class Processor>
struct driven {
  explicit driven(Processor work, std::uint32_t partitions = 1) : job(*weir::context::make()) {
    weir::memory_stream(job, std::make_shared<weir::memory_log<pair>>())
        .process<int, pair>(work)
        .on_error(weir::on_error::drop)
        .for_each_batch([](const auto&) {});
    stage.emplace(job, "process", partitions);
  }
  weir::context job;
  std::optional<weir::test::stage_driver<pair, pair>> stage;
};

} // namespace

SCENARIO("a processor emits when a timer comes", "[operators][state][process]") {
  const auto how = GENERATE(from_range(every_mode()));
  CHECK(rows_of<pair>(
            how,
            {{{{"a", 1}, {"b", 1}}, {{"a", 1}}}, {{{"b", 1}}, {}}, {{}, {}}, {{}, {}}, {{}, {}}},
            [](auto in) { return in.template process<int, pair>(sessions{}); }) ==
        rows{{}, {}, {{"a", 2}}, {{"b", 2}}, {}});
}

SCENARIO("a key may have many timers, which fire by time, once, at or after their time",
         "[operators][state][process]") {
  driven job(alarms{});
  auto& stage = *job.stage;
  stage.blocks_every = GENERATE(0, 2, 3);
  CHECK(stage.batch(10s, {{"a", 3}, {"a", 1}, {"b", 2}, {"a", 1}}).size() == 8);
  CHECK(stage.batch(11s, {}) == std::vector<pair>{{"a", 1011}});
  CHECK(stage.batch(12s, {{"a", -1}}) ==
        std::vector<pair>{{"a", -1}, {"a", 99}, {"b", 1012}}); // a's other one is deleted
  CHECK(stage.batch(20s, {}).empty());
  CHECK(stage.counts().state_keys == 0);
  stage.batch(21s, {{"a", 2}, {"b", 1}});
  CHECK(stage.batch(30s, {}) == std::vector<pair>{{"b", 1022}, {"a", 1023}});
}

SCENARIO("event timers fire when the watermark has reached them", "[operators][state][process]") {
  struct deadlines {
    void on_record(context& at, const std::string&, int second) const {
      if (second < 0)
        at.delete_event_timer(weir::event_time(std::chrono::seconds(-second)));
      else
        at.set_event_timer(weir::event_time(std::chrono::seconds(second)));
    }
    void on_event_timer(context& at, const std::string& key, weir::event_time time) const {
      at.emit({key, static_cast<int>(time.time_since_epoch() / 1s)});
    }
  };
  driven job(deadlines{});
  auto& stage = *job.stage;
  const auto reach = [&](std::chrono::milliseconds time) {
    stage.watermark = weir::watermark(time);
  };
  CHECK(stage.batch(100s, {{"a", 5}, {"b", 7}, {"a", 3}, {"c", 3}}).empty()); // nothing is known
  reach(2999ms);
  CHECK(stage.batch(101s, {{"c", -3}}).empty());
  reach(3s); // exactly
  CHECK(stage.batch(102s, {}) == std::vector<pair>{{"a", 3}});
  reach(7s);
  stage.batch(103s, {});
  stage.abort();
  CHECK(stage.batch(103s, {{"d", 1}}) == std::vector<pair>{{"d", 1}, {"a", 5}, {"b", 7}});
  CHECK(stage.counts().state_keys == 0);
}

SCENARIO("a call that throws sets no timer and passes nothing on", "[operators][state][process]") {
  driven job(alarms{});
  CHECK(job.stage->batch(1s, {{"a", 0}, {"b", 1}}) == std::vector<pair>{{"b", 1}, {"b", 101}});
  CHECK(job.stage->counts().dropped == 1);
  CHECK(job.stage->batch(2s, {}) == std::vector<pair>{{"b", 1002}});
}

SCENARIO("an aborted batch fires its timers again", "[operators][state][process]") {
  driven job(alarms{});
  auto& stage = *job.stage;
  stage.batch(1s, {{"a", 1}, {"b", 3}});
  const bool after_end = GENERATE(false, true);
  stage.begin(2s);
  stage.put({{"b", -2}, {"c", 2}});
  if (after_end)
    CHECK(stage.end() ==
          std::vector<pair>{{"b", -2}, {"b", 98}, {"c", 2}, {"c", 102}, {"a", 1002}});
  stage.abort();
  CHECK(stage.batch(2s, {}) == std::vector<pair>{{"a", 1002}});
  CHECK(stage.batch(9s, {}) == std::vector<pair>{{"b", 1004}});
}

SCENARIO("timers agree with a model", "[operators][state][process]") {
  rc::prop("any batches", [] {
    driven job(alarms{}, static_cast<std::uint32_t>(*rc::gen::inRange(1, 4)));
    job.stage->blocks_every = *rc::gen::element(0, 2, 3);
    std::set<std::pair<std::string, int>> model; // key, second
    int time = 0;
    for (int batches = *rc::gen::inRange(1, 7); batches > 0; --batches) {
      time += *rc::gen::inRange(1, 4);
      std::vector<pair> records;
      for (int n = *rc::gen::inRange(0, 6); n > 0; --n)
        records.emplace_back(*rc::gen::element<std::string>("a", "b", "c"),
                             *rc::gen::inRange(-3, 4));
      job.stage->begin(std::chrono::seconds(time));
      job.stage->put(records);
      const int fate = *rc::gen::inRange(0, 4);
      const auto given = fate == 0 ? std::vector<pair>() : sorted(job.stage->end());
      if (fate < 2) {
        job.stage->abort();
        continue;
      }
      std::vector<pair> wanted;
      for (const auto& [key, value] : records) {
        if (value > 0)
          model.emplace(key, time + value);
        if (value < 0)
          model.erase({key, time - value});
        if (value != 0)
          wanted.insert(wanted.end(), {{key, value}, {key, 100 + value}});
      }
      for (const auto& [key, at] : model)
        if (at <= time)
          wanted.emplace_back(key, 1000 + at);
      std::erase_if(model, [&](const auto& each) { return each.second <= time; });
      RC_ASSERT(given == sorted(wanted));
    }
  });
}

SCENARIO("timers that nothing would hear of are refused", "[operators][state][process]") {
  struct hears_time {
    void on_record(context&, const std::string&, int) const {}
    void on_timer(context&, const std::string&, batch_time) const {}
  };
  struct hears_events {
    void on_record(context& at, const std::string&, int value) const {
      if (value == 1)
        at.set_timer(at.time() + 1s);
    }
    void on_event_timer(context&, const std::string&, weir::event_time) const {}
  };
  struct hears_nothing {
    void on_record(context& at, const std::string&, int value) const {
      at.delete_timer(at.time());
      if (value == 1)
        at.set_timer(at.time() + 1s);
      if (value == 2)
        at.set_event_timer(weir::event_time(1s));
    }
  };
  const auto how = GENERATE(from_range(every_mode()));
  const auto by_value = [](const pair& p) {
    return weir::event_time(std::chrono::seconds(p.second));
  };
  GIVEN("a processor that hears of event time, and records without a watermark") {
    weir::testing::test_job job(how);
    const auto in = job.input<pair>();
    (void)job.output(in.stream().process<int, pair>(hears_events{}));
    const auto started = job.context().start();
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().to_string(),
               Catch::Contains("on_event_timer()") && Catch::Contains("assign_timestamps()"));
  }
  GIVEN("a watermark, or a processor that does without") {
    weir::testing::test_job job(how);
    const auto in = job.input<pair>();
    const auto timed = in.stream().assign_timestamps(by_value).share();
    (void)job.output(timed.without_time().process<int, pair>(hears_events{}));
    (void)job.output(in.stream().process<int, pair>(hears_time{}));
    CHECK(job.context().start());
  }
  GIVEN("a timer that is set all the same") {
    const int value = GENERATE(1, 2);
    weir::testing::test_job job(how);
    const auto in = job.input<pair>();
    (void)job.output(in.stream().process<int, pair>(hears_nothing{}));
    in.add({{"a", 0}});
    job.step();
    in.add({{"a", value}});
    CHECK_THAT(
        job.step_failing().to_string(),
        Catch::Contains(value == 1 ? "without an on_timer()" : "without an on_event_timer()"));
  }
}
