#include <weir/runtime/internal/job_end.hpp>

#include <weir/runtime/internal/batch_planner.hpp>
#include <weir/runtime/internal/batch_runner.hpp>
#include <weir/runtime/internal/job_inputs.hpp>

#include <algorithm>
#include <utility>

namespace weir {

using namespace std::chrono_literals;

/// A broker that is there answers the last commit in a few milliseconds; one that is not must not
/// hold up a stop whose deadline has passed.
constexpr duration least_to_close = 250ms;

bool job_end::stop(stop_mode mode, steady_time deadline) {
  const bool first = !stop_;
  if (first)
    stop_ = {.mode = mode, .deadline = deadline};
  else
    stop_ = {.mode = std::max(stop_->mode, mode), .deadline = std::min(stop_->deadline, deadline)};
  return first;
}

void job_end::fail(error reason) {
  host_->log(log_level::error, "weir.job", reason.to_string());
  if (!failure_)
    failure_ = std::move(reason);
}

bool job_end::draining(const job_inputs& inputs) const {
  return stop_ && stop_->mode == stop_mode::drain && !failure_ && inputs.unplanned() > 0;
}

bool job_end::settle(batch_runner& batches, batch_planner& planner, const job_inputs& inputs,
                     steady_time now) {
  const bool ended_by_itself = (planner.planned_all() || inputs.ended()) && batches.idle();
  if ((!stop_ && !failure_ && !ended_by_itself) || batches.aborting() || inputs.surveying())
    return false;
  abandon_if_late(batches, inputs, now);
  if (failure_ || !stop_ || stop_->mode != stop_mode::drain) {
    if (!std::exchange(unplanned_told_, true)) // those of batches that are dropped are told apart
      left_.records_left += inputs.unplanned();
    drop_waiting(batches, planner);
  }
  if (const auto& open = batches.open()) {
    const bool abort = failure_ || (stop_ && stop_->mode == stop_mode::abandon);
    if (abort)
      batches.abort();
    else if (open->whole->open_ended)
      batches.cut();
    return abort;
  }
  const bool in_haste = failure_ || (stop_ && stop_->mode == stop_mode::abandon);
  has_come_ = batches.idle() && !draining(inputs) && (in_haste || inputs.settled());
  return has_come_;
}

void job_end::abandon_if_late(const batch_runner& batches, const job_inputs& inputs,
                              steady_time now) {
  if (!stop_ || stop_->mode == stop_mode::abandon || now < stop_->deadline)
    return;
  left_.in_time = batches.idle() && !draining(inputs);
  stop_->mode = stop_mode::abandon;
}

void job_end::drop_waiting(batch_runner& batches, batch_planner& planner) {
  for (const auto& waiting : batches.waiting())
    leave(waiting);
  const auto first = batches.drop_waiting();
  if (first && !batches.open())
    planner.rewind_to(*first);
}

void job_end::leave(const planned_batch& dropped) {
  ++left_.batches_left;
  left_.records_left += dropped.records();
}

/// A deadline that has passed has had its effect: what is awaited now is an answer.
steady_time job_end::next_deadline(steady_time now) const {
  return stop_ && stop_->deadline > now ? stop_->deadline : steady_time::max();
}

duration job_end::time_to_close(steady_time now) const {
  return stop_ ? std::clamp<duration>(stop_->deadline - now, least_to_close, 30s) : duration(10s);
}

void job_end::closed(steady_time now) {
  if (stop_ && now > stop_->deadline)
    left_.in_time = false;
}

} // namespace weir
