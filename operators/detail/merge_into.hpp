// How accumulators take more in. Used by detail/folding.hpp and keyed/combining.hpp.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

namespace weir::detail {

/// `accumulator = merge(accumulator, more)`. The accumulator is moved into the call; where the
/// policy is to drop what makes the function throw, it gets a copy, because all that was
/// accumulated before must survive.
template <class Accumulator, class Merge, class More>
void merge_into(Accumulator& accumulator, Merge& merge, const More& more, bool must_survive) {
  if constexpr (!std::is_trivially_copyable_v<Accumulator>)
    if (must_survive) {
      accumulator = std::invoke(merge, Accumulator(accumulator), more);
      return;
    }
  accumulator = std::invoke(merge, std::move(accumulator), more);
}

} // namespace weir::detail
