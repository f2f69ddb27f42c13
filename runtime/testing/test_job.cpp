#include <weir/runtime/testing/test_job.hpp>

namespace weir::testing {
namespace {

stepped_job made(context_options options) {
  auto job = stepped_job::make(std::move(options));
  if (!job)
    throw unexpected(job.error().to_string());
  return std::move(*job);
}

} // namespace

test_job::test_job(context_options options) : job_(made(std::move(options))) {}

batch_report test_job::step(std::uint32_t skipped) {
  auto report = job_.step(skipped);
  if (!report)
    throw unexpected(report.error().to_string());
  *last_ = report->time;
  if (report->failure)
    throw unexpected(fmt::format("the batch at {} ms failed: {}", milliseconds_of(report->time),
                                 report->failure->to_string()));
  return std::move(*report);
}

error test_job::step_failing() {
  const auto report = job_.step();
  if (!report)
    return report.error();
  *last_ = report->time;
  if (!report->failure)
    throw unexpected(
        fmt::format("the batch at {} ms completed; it was to fail", milliseconds_of(report->time)));
  return *report->failure;
}

void test_job::step_undone() {
  control_->held = false;
  control_->undo = true;
  const auto report = job_.step();
  control_->undo = false;
  if (!report)
    throw unexpected(report.error().to_string());
  *last_ = report->time;
  if (!report->failure)
    throw unexpected(
        "the batch completed; it was to be undone, for which the job needs an input that "
        "has a batch");
  if (report->failure->code() != errc::partitions_lost)
    throw unexpected("the batch was to be undone, but failed: " + report->failure->to_string());
}

} // namespace weir::testing
