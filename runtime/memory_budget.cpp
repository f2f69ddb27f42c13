#include <weir/runtime/memory_budget.hpp>

#include <fmt/format.h>

namespace weir {

expected<void> retained_share::take(std::size_t bytes) {
  if (bytes > limit_ - taken_)
    return error(errc::out_of_budget,
                 fmt::format("'{}' keeps {} bytes and needs {} more, but its share of the memory "
                             "budget is {} bytes; raise "
                             "memory_budget, lower the rate or keep less per batch",
                             owner_, taken_, bytes, limit_));
  taken_ += bytes;
  return {};
}

} // namespace weir
