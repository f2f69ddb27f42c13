// Every message between actors, one sentence each. Next: replica_actor.hpp.
#pragma once

#include <weir/runtime/internal/transport.hpp>

#include <caf/all.hpp>

#include <string>

namespace weir::actors {

/// A batch starts: a receiver begins to read its ranges.
struct start_batch {
  batch_ptr whole;
};

/// The open-ended batch ends where you are (to a receiver).
struct cut_batch {
  weir::epoch at;
};

/// All have prepared the batch: commit it.
struct commit_batch {
  weir::epoch at;
};

/// Forget the batch and everything of it that is still under way.
struct abort_batch {
  weir::epoch at;
  weir::epoch decided; ///< The last batch that is final.
};

/// Go on where you were blocked; from a wake-up of the outside world, or from yourself after others
/// had their turn.
struct resume {};

/// Close your stage and end.
struct quit {
  weir::epoch decided{0}; ///< The last batch that is final.
};

/// A replica has prepared the batch (to the supervisor).
struct batch_ended {
  replica_report report;
};

/// A replica has committed the batch (to the supervisor).
struct batch_committed {
  replica_report report;
};

/// A replica's work failed (to the supervisor).
struct batch_failed {
  replica_id from;
  weir::epoch at;
  std::shared_ptr<error> reason;
};

/// A replica has forgotten the batch (to the supervisor).
struct batch_forgotten {
  replica_id from;
  weir::epoch at;
};

/// The open batch of all replicas is this one from now on (to the supervisor).
struct expect_batch {
  weir::epoch at;
};

/// Nothing but `batch_forgotten` counts for the open batch from now on (to the supervisor).
struct expect_abort {};

} // namespace weir::actors

// All of these stay inside the process: none is ever serialised.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::data_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::mark_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::grant_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::start_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::cut_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::commit_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::abort_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::resume)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::quit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::batch_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::batch_committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::batch_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::batch_forgotten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::expect_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::actors::expect_abort)

namespace weir::actors {

/// What all replicas take.
using block_consumer =
    caf::typed_actor<caf::reacts_to<data_message>,  // a block that fits the credit we granted
                     caf::reacts_to<mark_message>>; // the end of a batch on one link

/// Runs one replica of a source, stage or sink.
using replica_actor =
    block_consumer::extend<caf::reacts_to<grant_message>, // a downstream replica will take more
                           caf::reacts_to<start_batch>, caf::reacts_to<cut_batch>,
                           caf::reacts_to<commit_batch>, caf::reacts_to<abort_batch>,
                           caf::reacts_to<resume>, caf::reacts_to<quit>>;

/// Watches one job: counts the answers of its replicas to each batch.
using job_supervisor =
    caf::typed_actor<caf::reacts_to<batch_ended>, caf::reacts_to<batch_committed>,
                     caf::reacts_to<batch_failed>, caf::reacts_to<batch_forgotten>,
                     caf::reacts_to<expect_batch>, caf::reacts_to<expect_abort>,
                     caf::reacts_to<quit>>;

} // namespace weir::actors
