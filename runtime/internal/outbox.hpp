// What a replica has made and what still waits for credit. Next: stage_replica.hpp of the consumer.
#pragma once

#include <weir/runtime/clock.hpp>
#include <weir/runtime/internal/transport.hpp>
#include <weir/runtime/plan.hpp>

#include <deque>
#include <variant>

namespace weir {

/// Sends blocks to the replicas of every consumer, as far as their credit goes; the rest waits
/// here, in order.
///
/// Invariant: on each link, blocks in flight downstream never exceed the credit granted, and a
/// barrier never overtakes a block. Single-threaded: owned by one replica.
class outbox final : public emitter {
public:
  outbox(const node_plan& from, std::uint32_t replica_index, const plan& all, transport& out,
         const clock& time);

  /// Which batch the next blocks belong to.
  void begin(batch_ptr whole);

  void emit(partition_id partition, block_ptr data) override;
  void emit_side(partition_id partition, block_ptr data) override;

  /// Puts the barrier behind everything emitted.
  void end(const barrier& mark);

  /// Credit came back: sends what it allows.
  void add_credit(const grant_message& grant);

  /// Drops what waits: the batch is aborted.
  void discard();

  /// Blocks, bytes and waits per edge since `begin`; the records and bytes of one edge are those of
  /// the output.
  [[nodiscard]] std::vector<edge_work> work() const;
  [[nodiscard]] std::uint64_t records() const noexcept { return records_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
  using item = std::variant<parcel, barrier>;

  struct link {
    replica_id to;
    std::uint32_t slot = 0;
    weir::credit credit;
    std::deque<item> waiting; ///< Not empty only while its first block lacks credit.
    steady_time waiting_since{};
  };

  struct edge {
    node_id consumer;
    std::uint32_t input = 0;
    bool side = false;
    std::uint32_t partition_offset = 0; ///< Of the open batch.
    std::uint32_t first_link = 0;
    std::uint32_t links = 0;
    edge_work work;
  };

  void deliver(partition_id partition, const block_ptr& data, bool side);
  void post(edge& over, link& to, item what);
  void flush(edge& over, link& to);
  void transmit(edge& over, link& to, item what);
  edge& edge_of(std::uint32_t link_index);

  transport* out_;
  const clock* time_;
  batch_ptr whole_;
  std::vector<edge> edges_;
  std::vector<link> links_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

} // namespace weir
