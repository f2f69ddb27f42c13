#include <weir/runtime/testing/stepped_job.hpp>

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

namespace weir::testing {

using namespace std::chrono_literals;

/// Keeps the reports of finished batches. Written on the control thread, read by the test.
class stepped_job::history final : public listener {
public:
  void on_started(const batch&) override {
    {
      std::lock_guard guard(mutex_);
      open_ = true;
    }
    grown_.notify_all();
  }

  void on_finished(const batch_report& report) override {
    {
      std::lock_guard guard(mutex_);
      open_ = false;
      finished_.push_back(report);
    }
    grown_.notify_all();
  }

  [[nodiscard]] std::vector<batch_report> all() const {
    std::lock_guard guard(mutex_);
    return finished_;
  }

  [[nodiscard]] std::size_t size() const {
    std::lock_guard guard(mutex_);
    return finished_.size();
  }

  /// The report with this index, if it comes within `limit`.
  std::optional<batch_report> wait_for(std::size_t index, duration limit) {
    std::unique_lock lock(mutex_);
    if (!grown_.wait_for(lock, limit, [&] { return finished_.size() > index; }))
      return std::nullopt;
    return finished_[index];
  }

  /// Whether a batch is open, at the latest after `limit`.
  bool wait_until_open(duration limit) {
    std::unique_lock lock(mutex_);
    return grown_.wait_for(lock, limit, [&] { return open_; });
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  bool open_ = false;
  std::vector<batch_report> finished_;
};

stepped_job::stepped_job(weir::context job, std::shared_ptr<manual_clock> clock)
    : clock_(std::move(clock)), history_(std::make_shared<history>()), context_(std::move(job)),
      ticks_(context_.options().batch_interval, moment_of(*clock_)) {
  context_.add_listener(history_);
}

expected<stepped_job> stepped_job::make(context_options options) {
  auto clock = std::make_shared<manual_clock>();
  options.clock = clock;
  options.check_views = true;
  auto made = weir::context::make(std::move(options));
  if (!made)
    return std::move(made).error();
  return stepped_job(std::move(*made), std::move(clock));
}

expected<batch_report> stepped_job::step(std::uint32_t skipped) {
  const auto interval = context_.options().batch_interval;
  if (!context_.running()) {
    if (auto started = context_.start(); !started)
      return std::move(started).error();
    ticks_ = batch_generator(interval, moment_of(*clock_));
  }
  const bool in_line = context_.options().executor == executor_kind::in_line;
  if (context_.options().trigger == trigger::continuous) { // its epoch must not open after its time
    (void)context_.run_ready();
    (void)history_->wait_until_open(in_line ? 0ns : 10s);
  }
  const std::size_t index = history_->size();
  (void)ticks_.due(moment_of(*clock_)); // of a test that moves the clock itself
  const auto next = ticks_.next();
  clock_->advance(next.due + skipped * interval - clock_->steady_now());
  (void)ticks_.due(moment_of(*clock_));
  (void)ticks_.follow(moment_of(*clock_));

  constexpr duration patience = 10s;
  constexpr int most_slices = 100'000;
  constexpr duration glance = 10ms; // a job that ends by an error may end without a report
  for (duration waited = 0ns; waited < patience; waited += glance) {
    bool running = context_.run_ready();
    for (int slices = 0; running && context_.next_due() == 0ns && slices < most_slices; ++slices)
      running = context_.run_ready(); // a function has moved the clock
    if (auto report = history_->wait_for(index, in_line ? 0ns : glance)) {
      // A batch that fails ends the job, and the next step starts it again. One that is taken away
      // does not.
      if (report->failure && report->failure->code() != errc::partitions_lost)
        (void)context_.await_for(patience);
      return std::move(*report);
    }
    if (!running) {
      if (auto ended = context_.await(); !ended)
        return std::move(ended).error();
      return error(errc::stopped, "the job ended without another batch");
    }
    if (in_line)
      break;
  }
  return error(
      errc::timed_out,
      fmt::format("the batch at {} ms has not finished; it waits for something that does not come",
                  milliseconds_of(next.time + skipped * interval)));
}

std::vector<batch_report> stepped_job::reports() const { return history_->all(); }

} // namespace weir::testing
