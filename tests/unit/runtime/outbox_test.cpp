// Credit on every link: nothing beyond the window, barriers behind their blocks, everything sent in
// the end.
#include <weir/runtime/internal/outbox.hpp>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <tests/support/replicas.hpp>

using namespace std::chrono_literals;
using weir::outbox;
using weir::partition_id;
using weir::test::block_of;
using weir::test::recording_transport;

namespace {

/// One producer; its consumers have windows of 2 blocks and 100 bytes.
struct one_producer {
  explicit one_producer(std::vector<std::uint32_t> consumer_replicas) {
    all.nodes.resize(1 + consumer_replicas.size());
    std::uint32_t next = 1;
    for (std::uint32_t i = 0; i < consumer_replicas.size(); ++i) {
      auto& consumer = all.nodes[i + 1];
      consumer.id = weir::node_id(i + 1);
      consumer.first_replica = weir::replica_id(next);
      consumer.replicas = consumer_replicas[i];
      consumer.slots = 1;
      consumer.slot_inputs = {0};
      next += consumer_replicas[i];
      all.nodes[0].outputs.push_back(
          {.consumer = consumer.id, .window = {.blocks = 2, .bytes = 100}});
    }
    all.replicas = next;
    out.emplace(all.nodes[0], 0, all, sent, clock);
    out->begin(weir::test::batch_for(all, 1));
  }

  void grant(std::uint32_t link, std::int64_t bytes) {
    out->add_credit({link, {.blocks = 1, .bytes = bytes}});
  }

  weir::plan all;
  recording_transport sent;
  weir::manual_clock clock;
  std::optional<outbox> out;
};

const weir::barrier end_of_1{.epoch = weir::epoch(1)};

} // namespace

SCENARIO("a block goes to the replica that hosts its partition", "[runtime][outbox]") {
  one_producer p({2});
  p.out->emit(partition_id(0), block_of({10}, 1));
  p.out->emit(partition_id(1), block_of({11}, 1));
  p.out->emit(partition_id(4), block_of({14}, 1));
  CHECK(p.sent.text == std::vector<std::string>{"1<10", "2<11", "1<14"});
}

SCENARIO("every consumer gets the same block, and the slowest governs", "[runtime][outbox]") {
  one_producer p({1, 1});
  p.out->emit(partition_id(0), block_of({1}, 100));
  CHECK(p.sent.blocks[0].message.cargo.data == p.sent.blocks[1].message.cargo.data);
  p.out->emit(partition_id(0), block_of({2}, 100));
  CHECK(p.out->blocked());
  p.grant(0, 100);
  CHECK(p.out->blocked()); // the second consumer still lacks it
  p.grant(1, 100);
  CHECK_FALSE(p.out->blocked());
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "2<1", "1<2", "2<2"});
}

SCENARIO("a barrier never overtakes a block that waits for credit", "[runtime][outbox]") {
  one_producer p({1});
  p.out->emit(partition_id(0), block_of({1}, 80));
  p.out->emit(partition_id(0), block_of({2}, 80));
  p.out->end(end_of_1);
  CHECK(p.sent.text == std::vector<std::string>{"1<1"});
  p.clock.advance(3ms);
  p.grant(0, 80);
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "1<2", "1<end of 1"});
  CHECK(p.out->work()[0].send_wait == 3ms);
  CHECK(p.out->work()[0].blocks == 2);
  CHECK(p.out->work()[0].bytes == 160);
}

SCENARIO("a barrier alone needs no credit", "[runtime][outbox]") {
  one_producer p({1});
  p.out->emit(partition_id(0), block_of({1}, 100));
  p.out->end(end_of_1);
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "1<end of 1"});
}

SCENARIO("a block larger than the window is sent when nothing else is under way",
         "[runtime][outbox]") {
  one_producer p({1});
  p.out->emit(partition_id(0), block_of({1}, 10));
  p.out->emit(partition_id(0), block_of({2}, 900));
  p.out->emit(partition_id(0), block_of({3}, 10));
  CHECK(p.sent.text == std::vector<std::string>{"1<1"});
  p.grant(0, 10);
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "1<2"});
  p.grant(0, 900);
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "1<2", "1<3"});
}

SCENARIO("discarding forgets what waits, not what is owed", "[runtime][outbox]") {
  one_producer p({1});
  p.out->emit(partition_id(0), block_of({1}, 100));
  p.out->emit(partition_id(0), block_of({2}, 100));
  p.out->end(end_of_1);
  p.out->discard();
  CHECK_FALSE(p.out->blocked());
  p.out->emit(partition_id(0), block_of({3}, 100));
  CHECK(p.out->blocked()); // block 1 is still under way
  p.grant(0, 100);
  CHECK(p.sent.text == std::vector<std::string>{"1<1", "1<3"});
}

TEST_CASE("credit is conserved under random interleavings", "[runtime][outbox]") {
  rc::prop("per link: in order, within the window, and complete", [] {
    one_producer p({2, 1});
    constexpr std::size_t links = 3; // two replicas of the first consumer, one of the second
    std::vector<std::vector<std::string>> posted(links);
    std::vector<std::vector<std::string>> received(links);
    std::vector<std::deque<std::size_t>> under_way(links); // charges
    std::size_t seen = 0;
    std::size_t blocks_seen = 0;

    const auto look = [&] {
      for (; seen < p.sent.text.size(); ++seen) {
        const auto& text = p.sent.text[seen];
        const auto link = static_cast<std::size_t>(text[0] - '1');
        received[link].push_back(text.substr(2));
        if (text.find("end") == std::string::npos)
          under_way[link].push_back(p.sent.blocks[blocks_seen++].message.cargo.data->charge());
      }
      for (const auto& charges : under_way) {
        std::size_t bytes = 0;
        for (const auto charge : charges)
          bytes += charge;
        RC_ASSERT(charges.size() <= 2U);
        RC_ASSERT(bytes <= 100U || charges.size() == 1U);
      }
    };

    const auto steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
      const auto what = *rc::gen::inRange(0, 10);
      if (what < 5) {
        const auto charge = *rc::gen::oneOf(rc::gen::inRange<std::size_t>(1, 100),
                                            rc::gen::inRange<std::size_t>(101, 400));
        const auto partition = *rc::gen::inRange(0U, 4U);
        p.out->emit(partition_id(partition), block_of({step}, charge));
        posted[partition % 2].push_back(std::to_string(step));
        posted[2].push_back(std::to_string(step));
      } else if (what == 5) {
        p.out->end(end_of_1);
        for (auto& each : posted)
          each.push_back("end of 1");
      } else {
        const auto link = *rc::gen::inRange<std::size_t>(0, links);
        if (!under_way[link].empty()) {
          const auto charge = under_way[link].front();
          under_way[link].pop_front();
          p.grant(static_cast<std::uint32_t>(link), static_cast<std::int64_t>(charge));
        }
      }
      look();
    }
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t link = 0; link < links; ++link)
        if (!under_way[link].empty()) {
          const auto charge = under_way[link].front();
          under_way[link].pop_front();
          p.grant(static_cast<std::uint32_t>(link), static_cast<std::int64_t>(charge));
          look();
          moved = true;
        }
    }
    RC_ASSERT(received == posted);
    RC_ASSERT(!p.out->blocked());
  });
}
