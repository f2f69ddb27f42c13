// Reads the partitions of one fetch handle into blocks. First on the data path; next:
// runtime/block.hpp.
#pragma once

#include <weir/connectors/kafka/internal/fetch_client.hpp>
#include <weir/runtime/receiver.hpp>

#include <memory>

namespace weir::kafka {

/// Where a receiver finds its fetch handle. The control side may put another one in while no
/// receiver runs.
struct fetch_slot {
  std::shared_ptr<fetch_client> client;
};

/// One replica of a Kafka source. Each block holds records of one partition; payload bytes are
/// copied into the block and the client's message is freed at once, since a message that is kept
/// pins its whole fetch response.
///
/// A range is read when nothing below its end can come any more: the next record lies at or behind
/// the end, or the client says that the partition ends there. One record per partition may be read
/// past the end; it waits for its range. A range of an open-ended batch ends where it is cut.
class kafka_receiver final : public receiver {
public:
  /// @param slot may be null: a replica for which there is no partition.
  /// @param ask_control asks for the control side's attention. Any thread.
  kafka_receiver(std::shared_ptr<const fetch_slot> slot, std::function<void()> ask_control);

  expected<void> open(const replica_context& env) override;
  expected<void> begin(const batch& whole, const source_batch& work) override;
  expected<received> receive(emitter& out) override;
  expected<std::vector<range_end>> cut(emitter& out) override;
  void abort() noexcept override;
  void close() noexcept override;

private:
  struct intake;

  expected<void> open_range(lane& at, const offset_range& range, std::uint32_t index);
  /// Takes up to a block from the partition's queue. @returns whether a block was emitted.
  expected<bool> read(lane& at, emitter& out);
  void take_held(lane& at);
  expected<void> on_event(lane& at, const rd_kafka_message_t& event);
  expected<void> apply_repairs();
  void settle_if_read(lane& at);
  void end_rest();
  void ask_for_turn();
  [[nodiscard]] bool something_waits();

  std::shared_ptr<const fetch_slot> slot_;
  std::shared_ptr<fetch_client> fetch_; ///< The slot's client as of the last `begin`.
  std::function<void()> ask_control_;
  replica_context env_;
  block_builder<record> builder_;
  bool open_ended_ = false;
  std::size_t cursor_ = 0;           ///< Lane to read next.
  std::size_t open_ranges_ = 0;      ///< Lanes of the batch that are not read to their end.
  std::size_t since_rest_ended_ = 0; ///< Messages taken since the last `end_rest`.
};

} // namespace weir::kafka
