#include <weir/operators/detail/later_calls.hpp>

#include <iterator>

namespace weir::detail {

void later_calls::open(const replica_context& context) {
  clock_ = context.clock;
  wake_at_ = context.wake_at;
}

void later_calls::retry(std::size_t step, duration wait, std::unique_ptr<later_call> again) {
  const auto due = deadline_after(clock_->steady_now(), wait);
  wake_at_(due);
  calls_.push_back({step, failures(step) + 1, due, std::move(again)});
}

void later_calls::hold_back(std::size_t step, std::unique_ptr<later_call> first) {
  calls_.push_back({step, 0, {}, std::move(first)});
}

bool later_calls::due() const { return clock_->steady_now() >= calls_.front().due; }

void later_calls::make_first(emitter& out) {
  auto all = std::exchange(calls_, {});
  step_ = all.front().step;
  failures_ = all.front().failures;
  if (all.front().call)
    all.front().call->make(out);
  step_ = no_step;
  calls_.insert(calls_.end(), std::make_move_iterator(all.begin() + 1),
                std::make_move_iterator(all.end()));
}

} // namespace weir::detail
