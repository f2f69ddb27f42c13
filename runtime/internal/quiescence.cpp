#include <weir/runtime/internal/quiescence.hpp>

#include <weir/runtime/internal/batch_planner.hpp>
#include <weir/runtime/internal/batch_runner.hpp>

#include <algorithm>
#include <utility>

namespace weir {

bool quiescence::settle(batch_runner& batches, batch_planner& planner, bool surveying,
                        steady_time now) {
  if (!wanted() || batches.aborting())
    return false;
  if (batches.open()) {
    const bool abort = std::any_of(requests_.begin(), requests_.end(), [&](const request& each) {
      return each.kind == quiesce_kind::lost || now >= each.deadline;
    });
    if (abort)
      batches.abort();
    else if (batches.open()->whole->open_ended)
      batches.cut();
    return abort;
  }
  if (surveying)
    return false;
  if (const auto first = batches.drop_waiting())
    planner.rewind_to(*first);
  for (auto& each : std::exchange(requests_, {}))
    each.then();
  return true;
}

/// A deadline that has passed has had its effect: what is awaited now is an answer.
steady_time quiescence::next_deadline(steady_time now) const {
  auto next = steady_time::max();
  for (const auto& each : requests_)
    if (each.deadline > now)
      next = std::min(next, each.deadline);
  return next;
}

} // namespace weir
