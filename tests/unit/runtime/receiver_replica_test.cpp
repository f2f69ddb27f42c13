// A receiver reads while it has credit, gives others their turn, and forgets what is aborted.
#include <weir/runtime/internal/receiver_replica.hpp>

#include <catch2/catch.hpp>
#include <tests/support/replicas.hpp>

using weir::epoch;
using weir::received;
using weir::replica_id;
using weir::test::block_of;

namespace {

/// Emits the numbers 1, 2, 3, ... in blocks of one, as many as it is told.
class counting final : public weir::receiver {
public:
  weir::expected<void> begin(const weir::batch&, const weir::source_batch&) override {
    if (broken)
      return weir::error(weir::errc::source_failed, "cannot begin");
    return {};
  }
  weir::expected<received> receive(weir::emitter& out) override {
    ++calls;
    if (broken)
      return weir::error(weir::errc::source_failed, "connection lost");
    if (next > last)
      return complete ? received::complete : received::nothing;
    out.emit(weir::partition_id(0), block_of({next++}, 100));
    return received::records;
  }
  void abort() noexcept override { aborted = true; }

  int next = 1;
  int last = 0;
  int calls = 0;
  bool complete = true;
  bool broken = false;
  bool aborted = false;
};

struct one_source {
  explicit one_source(weir::credit::amount window = {.blocks = 100, .bytes = 100'000}) {
    g.add(weir::test::bare_node(weir::node_kind::source, "numbers"));
    g.add(weir::test::bare_node(weir::node_kind::sink, "out", {weir::node_id(0)}));
    all = *weir::make_plan(g, {.worker_threads = 1});
    all.nodes[0].outputs[0].window = window;
    environment = {
        .job = &g, .all = &all, .out = &sent, .clock = &clock, .log = {}, .make_receiver = {}};
    auto made = std::make_unique<counting>();
    work = made.get();
    reader.emplace(environment, weir::node_id(0), 0, std::move(made));
    REQUIRE(reader->open([] {}));
  }
  /// Starts a batch, and gives the receiver every turn it asks for.
  void start(std::uint64_t number) {
    reader->start(weir::test::batch_for(all, number));
    take_turns();
  }
  void take_turns() {
    for (; turns < sent.yields; ++turns)
      reader->resume();
  }
  void grant() {
    reader->take(weir::grant_message{0, {.blocks = 1, .bytes = 100}});
    take_turns();
  }

  weir::graph g;
  weir::plan all;
  weir::manual_clock clock;
  weir::test::recording_transport sent;
  weir::replica_environment environment;
  counting* work = nullptr;
  std::optional<weir::receiver_replica> reader;
  int turns = 0;
};

using texts = std::vector<std::string>;

} // namespace

SCENARIO("a receiver that has read its ranges ends the batch", "[runtime][receiver_replica]") {
  one_source t;
  t.work->last = 2;
  t.start(1);
  CHECK(t.sent.text == texts{"1<1", "1<2", "1<end of 1"});
  REQUIRE(t.sent.reports.size() == 1);
  CHECK(t.sent.reports[0].counts.records_out == 2);
  CHECK(t.sent.reports[0].bytes_out == 200);
}

SCENARIO("a receiver without credit is not called until credit comes back",
         "[runtime][receiver_replica]") {
  one_source t({.blocks = 2, .bytes = 1000});
  t.work->last = 10;
  t.start(1);
  CHECK(t.sent.text == texts{"1<1", "1<2"});
  CHECK(t.work->calls == 3); // the third block waits in the outbox
  t.reader->resume();
  CHECK(t.work->calls == 3);
  t.grant();
  CHECK(t.work->calls == 4);
  CHECK(t.sent.text.back() == "1<3");
}

SCENARIO("a receiver with much to read lets other work have its turn",
         "[runtime][receiver_replica]") {
  one_source t;
  t.work->last = 100;
  t.reader->start(weir::test::batch_for(t.all, 1));
  CHECK(t.work->calls < 10);
  CHECK(t.sent.yields == 1);
  WHEN("credit comes back while it waits for its turn") {
    const auto calls = t.work->calls;
    for (int i = 0; i < 5; ++i)
      t.reader->take(weir::grant_message{0, {.blocks = 0, .bytes = 0}});
    THEN("it neither reads nor asks for a second turn") {
      CHECK(t.sent.yields == 1);
      CHECK(t.work->calls == calls);
    }
  }
  WHEN("its turn comes again and again") {
    t.take_turns();
    THEN("it reads to the end") {
      CHECK(t.sent.blocks.size() == 100);
      CHECK(t.sent.reports.size() == 1);
    }
  }
}

SCENARIO("a receiver with nothing to read waits for its wake-up", "[runtime][receiver_replica]") {
  one_source t;
  t.work->complete = false;
  t.start(1);
  CHECK(t.sent.reports.empty());
  t.work->last = 1;
  t.work->complete = true;
  t.reader->resume();
  t.take_turns();
  CHECK(t.sent.text == texts{"1<1", "1<end of 1"});
}

SCENARIO("an abort ends the batch early, and the next one starts clean",
         "[runtime][receiver_replica]") {
  one_source t({.blocks = 1, .bytes = 1000});
  t.work->last = 5;
  t.start(1);
  t.reader->abort(epoch(1), epoch(0));
  CHECK(t.work->aborted);
  CHECK(t.sent.forgotten == std::vector{epoch(1)});
  const auto calls = t.work->calls;
  t.grant();
  t.reader->resume();
  CHECK(t.work->calls == calls); // no batch is open
  t.work->next = 7;
  t.work->last = 7;
  t.start(2);
  CHECK(t.sent.text == texts{"1<1", "1<7", "1<end of 2"});
}

SCENARIO("a receiver that fails says so once and stops", "[runtime][receiver_replica]") {
  one_source t;
  t.work->broken = true;
  t.start(1);
  t.reader->resume();
  REQUIRE(t.sent.failures.size() == 1);
  CHECK(t.sent.failures[0].code() == weir::errc::source_failed);
  CHECK(t.sent.reports.empty());
}
