// When a batch starts. Next: batch_generator.hpp.
#pragma once

namespace weir {

/// When batches are planned, and what a batch is.
enum class trigger {
  every,         ///< At each multiple of the batch interval, also when there is nothing to read.
  available_now, ///< Fixes the ends at the start, reads up to them in as many batches as the limits
                 ///< ask, then stops.
  once,          ///< One batch of all there is, without limits, then stops.
  continuous,    ///< Records flow as they arrive. A batch is an epoch: it is open while it is read,
                 ///< lasts a batch interval, and ends with a barrier behind what has come by then;
                 ///< the next one opens when every sink has acknowledged it. Rate limits hold per
                 ///< second instead of per batch. Only for sources that can do it.
};

/// Whether the job ends by itself, when it has read what was there.
[[nodiscard]] constexpr bool is_bounded(trigger kind) noexcept {
  return kind == trigger::available_now || kind == trigger::once;
}

} // namespace weir
