#include <weir/runtime/internal/batch_runner.hpp>

#include <utility>

namespace weir {

void batch_runner::submit(planned_batch planned) {
  listeners_->submitted(*planned.whole);
  scheduler_.submit(std::move(planned));
}

bool batch_runner::start_next(steady_time now) {
  const auto* started = scheduler_.start_next(epoch(next_epoch_), now);
  if (!started)
    return false;
  started->whole->decided = decided_;
  watermarks_->fix(*started->whole, now);
  ++next_epoch_;
  listeners_->started(*started->whole);
  executor_->run(started->whole);
  return true;
}

void batch_runner::cut() {
  if (cutting_ || aborting_)
    return;
  cutting_ = true;
  executor_->cut(open()->whole->epoch);
}

void batch_runner::abort(std::optional<error> reason) {
  abort_reason_ = std::move(reason);
  aborting_ = true;
  executor_->abort(open()->whole->epoch, decided_);
}

void batch_runner::commit(const std::vector<replica_id>& replicas) {
  executor_->commit(open()->whole->epoch, replicas);
}

planned_batch batch_runner::complete() {
  decided_ = open()->whole->epoch;
  return close();
}

planned_batch batch_runner::drop() { return close(); }

planned_batch batch_runner::close() {
  cutting_ = false;
  aborting_ = false;
  abort_reason_.reset();
  return scheduler_.close();
}

work_in_flight batch_runner::unfinished(steady_time now) const {
  work_in_flight work;
  for (const auto& planned : waiting()) {
    ++work.batches;
    work.records += planned.records();
  }
  if (const auto& running = open()) {
    ++work.batches;
    work.running_records = running->records();
    work.records += work.running_records;
    work.running_for = now - running->started;
  }
  return work;
}

} // namespace weir
