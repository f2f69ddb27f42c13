// One member of a consumer group that pushes what it gets.
#pragma once

#include <weir/connectors/kafka/internal/client.hpp>
#include <weir/connectors/kafka/receiver_stream.hpp>
#include <weir/connectors/push/receiver.hpp>

#include <memory>
#include <mutex>

namespace weir::kafka {

/// Polls a consumer on a thread of its own and stores what comes in groups, one per partition.
/// While there is no room its partitions are paused and it goes on polling, so that it stays a
/// member.
class group_receiver final : public push_receiver<record> {
public:
  explicit group_receiver(receiver_stream_options options) : options_(std::move(options)) {}

  expected<void> on_start(receiver_handle<record> to) override;
  void on_stop() override {} // the thread closes what it uses

private:
  class session;

  receiver_stream_options options_;
};

} // namespace weir::kafka
