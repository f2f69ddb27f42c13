// The mark behind the blocks of a batch, on every edge. Next: stage.hpp.
#pragma once

#include <weir/runtime/identifiers.hpp>
#include <weir/runtime/time.hpp>

namespace weir {

/// Flows in the stream behind a batch's blocks. A replica that has seen it on all its inputs ends
/// its batch.
struct barrier {
  weir::epoch epoch;
  batch_time time{};
  bool present = true; ///< Whether the edge has a batch at this time at all; a missing batch is not
                       ///< an empty one.
};

} // namespace weir
