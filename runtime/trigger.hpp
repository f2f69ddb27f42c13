// When a batch starts. Next: batch_generator.hpp.
#pragma once

namespace weir {

/// When batches are planned.
enum class trigger {
  every,         ///< At each multiple of the batch interval, also when there is nothing to read.
  available_now, ///< Fixes the ends at the start, reads up to them in as many batches as the limits
                 ///< ask, then stops.
  once,          ///< One batch of all there is, without limits, then stops.
};

} // namespace weir
