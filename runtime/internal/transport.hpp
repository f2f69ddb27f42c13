// How replicas reach each other and the coordinator: what an executor provides. Next: outbox.hpp.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/credit.hpp>
#include <weir/runtime/error.hpp>
#include <weir/runtime/stage.hpp>

#include <utility>
#include <vector>

namespace weir {

/// A block on its way over one link.
struct data_message {
  std::uint32_t slot = 0; ///< The link at the receiving replica.
  batch_ptr whole;        ///< The batch it belongs to.
  parcel cargo;
};

/// A barrier on its way over one link, behind the blocks of its batch.
struct mark_message {
  std::uint32_t slot = 0;
  batch_ptr whole;
  barrier mark;
};

/// Credit on its way back over one link.
struct grant_message {
  std::uint32_t link = 0; ///< The link at the sending replica's outbox.
  credit::amount returned;
};

/// Work on one logical partition of a source in one batch.
struct partition_work {
  partition_id partition;
  duration busy{};
};

/// What one edge of a replica did in one batch.
struct edge_work {
  node_id consumer;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  duration send_wait{}; ///< How long blocks waited for credit.
};

/// What a replica did in one batch; its answer to the barrier.
struct replica_report {
  replica_id replica;
  node_id node;
  weir::epoch epoch;
  stage_counts counts{};
  std::uint64_t bytes_out = 0;
  duration busy{};    ///< In the stage's own code.
  duration blocked{}; ///< Waiting for credit or for the outside world.
  std::vector<partition_work> partitions{};
  std::vector<edge_work> edges{};
  std::vector<partition_event_time> event_times{}; ///< Of an assigner of timestamps.
  std::vector<range_end> read{};                   ///< Of a receiver that was cut.
  bool commits = false;                            ///< It waits for `commit`.
};

/// Delivers messages between replicas in order per pair. Called by the replica that sends.
class transport {
public:
  virtual ~transport() = default;
  virtual void send(replica_id to, data_message message) = 0;
  virtual void send(replica_id to, mark_message message) = 0;
  virtual void send(replica_id to, grant_message message) = 0;

  /// It has prepared the batch.
  virtual void ended(replica_report report) = 0;
  /// It has committed the batch. @param report what that took: its times alone.
  virtual void committed(replica_report report) = 0;
  virtual void failed(replica_id from, epoch at, error reason) = 0;
  virtual void aborted(replica_id from, epoch at) = 0;

  /// Asks for `from` to be resumed after other work had its turn.
  virtual void yield(replica_id from) = 0;
};

} // namespace weir
