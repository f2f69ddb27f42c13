// One replica between two inputs and one output: alignment, credit, resuming, aborts.
#include <weir/runtime/internal/stage_replica.hpp>

#include <catch2/catch.hpp>
#include <tests/support/replicas.hpp>

using namespace std::chrono_literals;
using weir::epoch;
using weir::partition_id;
using weir::progress;
using weir::replica_id;
using weir::test::block_of;

namespace {

/// Sends each number on in a block of its own, and at the end of a batch how many there were.
class one_by_one final : public weir::stage {
public:
  explicit one_by_one(std::vector<std::string>& calls) : calls_(&calls) {}

  weir::expected<void> begin(const weir::batch& whole) override {
    calls_->push_back(fmt::format("begin {}", whole.epoch));
    if (fails_to_begin)
      return weir::error(weir::errc::internal, "no begin");
    seen_ = 0;
    return {};
  }
  weir::expected<progress> process(std::uint32_t input, const weir::parcel& in,
                                   weir::block_cursor& cursor, weir::emitter& out) override {
    const auto numbers = weir::test::numbers_in(in.data);
    for (auto i = cursor.next_record; i < numbers.size();) {
      if (numbers[i] < 0)
        return weir::error(weir::errc::user_function_failed, "a negative number");
      calls_->push_back(fmt::format("{} from {}", numbers[i], input));
      out.emit(partition_id(0), block_of({numbers[i]}, 100));
      cursor.next_record = ++i;
      ++seen_;
      if (out.blocked() && i < numbers.size())
        return progress::blocked;
    }
    return progress::done;
  }
  weir::expected<progress> end(const weir::barrier& mark, weir::emitter& out) override {
    if (outside_is_busy)
      return progress::blocked;
    calls_->push_back(fmt::format("end {}{}", mark.epoch, mark.present ? "" : ", missing"));
    if (mark.present)
      out.emit(partition_id(0), block_of({1000 + seen_}, 100));
    return progress::done;
  }
  weir::expected<progress> prepare() override {
    if (tells_all)
      calls_->push_back("prepare");
    return progress::done;
  }
  [[nodiscard]] bool commits() const noexcept override { return tells_all; }
  weir::expected<progress> commit() override {
    if (outside_is_busy)
      return progress::blocked;
    calls_->push_back("commit");
    return progress::done;
  }
  weir::expected<void> committed() override {
    calls_->push_back("committed");
    return {};
  }
  void abort() noexcept override { calls_->push_back("abort"); }
  void close() noexcept override { calls_->push_back("close"); }
  [[nodiscard]] weir::stage_counts counts() const noexcept override {
    return {.records_in = static_cast<std::uint64_t>(seen_), .records_out = 0, .dropped = 0};
  }

  bool fails_to_begin = false;
  bool outside_is_busy = false;
  bool tells_all = false; ///< It prepares and commits.

private:
  std::vector<std::string>* calls_;
  int seen_ = 0;
};

/// Sources a and b (replicas 0 and 1), the stage (2) with both as inputs, a sink (3) that takes
/// `window`.
struct two_inputs {
  explicit two_inputs(weir::credit::amount window = {.blocks = 100, .bytes = 100'000}) {
    using enum weir::node_kind;
    g.add(weir::test::bare_node(source, "a"));
    g.add(weir::test::bare_node(source, "b"));
    g.add(weir::test::bare_node(stage, "middle", {weir::node_id(0), weir::node_id(1)}));
    g.add(weir::test::bare_node(sink, "out", {weir::node_id(2)}));
    all = *weir::make_plan(g, {.worker_threads = 1});
    all.nodes[2].outputs[0].window = window;
    environment = {
        .job = &g, .all = &all, .out = &sent, .clock = &clock, .log = {}, .make_receiver = {}};
    auto made = std::make_unique<one_by_one>(calls);
    work = made.get();
    middle.emplace(environment, weir::node_id(2), 0, std::move(made));
    REQUIRE(middle->open([] {}));
  }

  void block(std::uint32_t slot, std::uint64_t number, std::vector<int> numbers,
             std::size_t charge = 40) {
    middle->take(weir::data_message{
        slot, batch(number), {block_of(std::move(numbers), charge), partition_id(0)}});
  }
  void mark(std::uint32_t slot, std::uint64_t number, bool present = true) {
    const auto whole = batch(number);
    middle->take(weir::mark_message{
        slot, whole, {.epoch = whole->epoch, .time = whole->time, .present = present}});
  }
  void grant(std::int64_t bytes = 100) {
    middle->take(weir::grant_message{0, {.blocks = 1, .bytes = bytes}});
  }

  weir::batch_ptr batch(std::uint64_t number) {
    auto& known = batches[number];
    if (!known) {
      auto made = std::make_shared<weir::batch>(*weir::test::batch_for(all, number));
      made->decided = decided;
      known = made;
    }
    return known;
  }

  weir::graph g;
  weir::plan all;
  weir::manual_clock clock;
  weir::test::recording_transport sent;
  weir::replica_environment environment;
  std::map<std::uint64_t, weir::batch_ptr> batches;
  epoch decided{0}; ///< Of the batches that are made from now on.
  std::vector<std::string> calls;
  one_by_one* work = nullptr;
  std::optional<weir::stage_replica> middle;
};

using texts = std::vector<std::string>;

} // namespace

SCENARIO("a batch ends when every input has ended it", "[runtime][stage_replica]") {
  two_inputs t;
  t.block(0, 1, {1});
  t.mark(0, 1);
  t.block(1, 1, {2});
  CHECK(t.sent.reports.empty());
  t.mark(1, 1);
  CHECK(t.calls == texts{"begin 1", "1 from 0", "2 from 1", "end 1"});
  CHECK(t.sent.text == texts{"3<1", "3<2", "3<1002", "3<end of 1"});
  REQUIRE(t.sent.reports.size() == 1);
  CHECK(t.sent.reports[0].epoch == epoch(1));
  CHECK(t.sent.reports[0].counts.records_in == 2);
}

SCENARIO("blocks of the next batch wait until this one has ended on every input",
         "[runtime][stage_replica]") {
  two_inputs t;
  t.mark(0, 1);
  t.block(0, 2, {21}); // input 0 is already one batch ahead
  t.mark(0, 2);
  t.block(1, 1, {11});
  CHECK(t.calls == texts{"begin 1", "11 from 1"});
  CHECK(t.sent.returned_to(replica_id(0)) == 0); // what waits holds its credit
  t.mark(1, 1);
  CHECK(t.calls == texts{"begin 1", "11 from 1", "end 1", "begin 2", "21 from 0"});
  t.mark(1, 2);
  CHECK(t.sent.text == texts{"3<11", "3<1001", "3<end of 1", "3<21", "3<1001", "3<end of 2"});
  CHECK(t.sent.returned_to(replica_id(0)) == 40);
  CHECK(t.sent.returned_to(replica_id(1)) == 40);
}

SCENARIO("a stage is told at the end of a batch whether it gives one itself",
         "[runtime][stage_replica]") {
  two_inputs t;
  auto whole = *t.batch(1);
  whole.nodes[2].present = false;
  t.batches[1] = std::make_shared<const weir::batch>(std::move(whole));
  t.mark(0, 1, true);
  t.mark(1, 1, true);
  CHECK(t.calls == texts{"begin 1", "end 1, missing"});
}

SCENARIO("a stage without credit stops behind the record and goes on from there",
         "[runtime][stage_replica]") {
  two_inputs t({.blocks = 2, .bytes = 1000});
  t.block(0, 1, {1, 2, 3, 4, 5});
  THEN("it overshoots by one record and keeps the credit of its input") {
    CHECK(t.calls.back() == "3 from 0");
    CHECK(t.sent.text == texts{"3<1", "3<2"});
    CHECK(t.sent.grants.empty());
  }
  WHEN("another block comes") {
    t.block(1, 1, {9});
    THEN("it is not touched") { CHECK(t.calls.back() == "3 from 0"); }
  }
  WHEN("credit comes back one by one") {
    t.grant();
    CHECK(t.sent.text == texts{"3<1", "3<2", "3<3"});
    CHECK(t.calls.back() == "4 from 0");
    t.grant();
    CHECK(t.calls.back() == "5 from 0");
    CHECK(t.sent.grants.empty()); // record 5 has no credit yet
    t.grant();
    THEN("the block's own credit goes back when the last of its output has left") {
      CHECK(t.sent.text == texts{"3<1", "3<2", "3<3", "3<4", "3<5"});
      REQUIRE(t.sent.grants.size() == 1);
      CHECK(t.sent.grants[0].to == replica_id(0));
      CHECK(t.sent.grants[0].message.returned == weir::credit::amount{.blocks = 1, .bytes = 40});
    }
  }
}

SCENARIO("a stage that waits for the outside world ends its batch after a wake-up",
         "[runtime][stage_replica]") {
  two_inputs t;
  t.work->outside_is_busy = true;
  t.mark(0, 1);
  t.mark(1, 1);
  CHECK(t.sent.reports.empty());
  t.clock.advance(5ms);
  t.work->outside_is_busy = false;
  t.middle->resume();
  REQUIRE(t.sent.reports.size() == 1);
  CHECK(t.sent.reports[0].blocked == 5ms);
}

SCENARIO("an abort forgets the batch and gives back the credit of every block of it",
         "[runtime][stage_replica]") {
  two_inputs t({.blocks = 1, .bytes = 1000});
  t.block(0, 1, {1, 2, 3}, 30); // blocked in the middle
  t.block(1, 1, {4}, 20);       // in the inbox
  t.mark(1, 1);
  t.block(1, 2, {5}, 10); // of the next batch
  t.middle->abort(epoch(1), epoch(0));
  CHECK(t.calls.back() == "5 from 1");
  CHECK(std::count(t.calls.begin(), t.calls.end(), "abort") == 1);
  CHECK(t.sent.forgotten == std::vector{epoch(1)});
  CHECK(t.sent.returned_to(replica_id(0)) == 30);
  CHECK(t.sent.returned_to(replica_id(1)) == 20);
  WHEN("blocks of the aborted batch are still under way") {
    t.block(0, 1, {6}, 7);
    t.mark(0, 1);
    t.grant();
    THEN("they are dropped, their credit goes back and their barrier does not count") {
      CHECK(t.calls.back() == "5 from 1");
      CHECK(t.sent.returned_to(replica_id(0)) == 37);
      CHECK(t.sent.reports.empty());
    }
  }
  WHEN("the next batch ends on both inputs") {
    t.grant();
    t.mark(0, 2);
    t.mark(1, 2);
    t.grant();
    THEN("it is complete") {
      REQUIRE(t.sent.reports.size() == 1);
      CHECK(t.sent.reports[0].epoch == epoch(2));
    }
  }
}

SCENARIO("after an error nothing is processed until the abort", "[runtime][stage_replica]") {
  two_inputs t;
  t.block(0, 1, {1, -1}, 30);
  t.block(0, 1, {2}, 20);
  REQUIRE(t.sent.failures.size() == 1);
  CHECK(t.calls.back() == "1 from 0");
  t.middle->abort(epoch(1), epoch(0));
  CHECK(t.sent.returned_to(replica_id(0)) == 50);
  CHECK(t.calls.back() == "abort");
}

SCENARIO("a batch that cannot begin keeps no credit", "[runtime][stage_replica]") {
  two_inputs t;
  t.work->fails_to_begin = true;
  t.block(0, 1, {1}, 30);
  REQUIRE(t.sent.failures.size() == 1);
  t.middle->abort(epoch(1), epoch(0));
  CHECK(t.sent.returned_to(replica_id(0)) == 30);
}

SCENARIO("an abort of a batch that a replica never saw is answered", "[runtime][stage_replica]") {
  two_inputs t;
  t.middle->abort(epoch(3), epoch(0));
  CHECK(t.sent.forgotten == std::vector{epoch(3)});
  CHECK(t.calls.empty());
}

SCENARIO("a batch is committed after every replica has prepared it, and final before the next",
         "[runtime][stage_replica]") {
  two_inputs t;
  t.work->tells_all = true;
  t.mark(0, 1);
  t.mark(1, 1);
  REQUIRE(t.sent.reports.size() == 1);
  CHECK(t.sent.reports[0].commits);
  CHECK(t.calls == texts{"begin 1", "end 1", "prepare"});
  WHEN("it is told to commit, and the outside world is not ready") {
    t.work->outside_is_busy = true;
    t.middle->commit(epoch(1));
    CHECK(t.sent.commits.empty());
    t.clock.advance(5ms);
    t.work->outside_is_busy = false;
    t.middle->resume();
    THEN("it goes on later, and says how long that took") {
      CHECK(t.calls.back() == "commit");
      REQUIRE(t.sent.commits.size() == 1);
      CHECK(t.sent.commits[0].epoch == epoch(1));
      CHECK(t.sent.commits[0].blocked == 5ms);
    }
    AND_WHEN("the next batch says that it is final") {
      t.decided = epoch(1);
      t.mark(0, 2);
      t.mark(1, 2);
      THEN("the stage hears it once, before that begins") {
        CHECK(t.calls == texts{"begin 1", "end 1", "prepare", "commit", "committed", "begin 2",
                               "end 2", "prepare"});
      }
    }
    AND_WHEN("the next batch is aborted before it came here") {
      t.middle->abort(epoch(2), epoch(1));
      THEN("the stage hears that the one before is final, and undoes nothing") {
        CHECK(t.calls.back() == "committed");
        t.middle->abort(epoch(2), epoch(1));
        CHECK(std::count(t.calls.begin(), t.calls.end(), "committed") == 1);
      }
    }
    AND_WHEN("the job ends") {
      t.middle->close(epoch(1));
      THEN("the stage hears it before it closes") {
        CHECK(t.calls == texts{"begin 1", "end 1", "prepare", "commit", "committed", "close"});
      }
    }
  }
  WHEN("another replica fails it") {
    t.middle->abort(epoch(1), epoch(0));
    t.middle->commit(epoch(1)); // was on its way
    THEN("it is undone and not committed") {
      CHECK(t.calls == texts{"begin 1", "end 1", "prepare", "abort"});
      CHECK(t.sent.commits.empty());
    }
  }
  WHEN("the job ends before it is known whether it counts") {
    t.middle->close(epoch(0));
    THEN("nothing is said of it") {
      CHECK(t.calls == texts{"begin 1", "end 1", "prepare", "close"});
    }
  }
}
