// A dead-letter sink under the control of a test, and a job with bad records.
#pragma once

#include <weir/weir.hpp>

#include <catch2/catch.hpp>
#include <tests/support/jobs.hpp>

#include <mutex>

namespace weir::test {

/// What the replicas of a dead-letter sink share.
struct letter_box {
  std::mutex mutex;
  std::vector<dead_letter> committed;
  int begun = 0, aborted = 0, opened = 0, closed = 0;
  int blocks_left = 0;  ///< So many calls of write, prepare and commit return blocked first.
  bool fails = false;   ///< prepare fails.
  bool refuses = false; ///< open fails.
};

class letter_sink final : public sink<dead_letter> {
public:
  explicit letter_sink(std::shared_ptr<letter_box> box) : box_(std::move(box)) {}

  expected<void> open(const replica_context& context) override {
    const std::lock_guard guard(box_->mutex);
    wake_ = context.wake;
    ++box_->opened;
    if (box_->refuses)
      return error(errc::sink_failed, "the box is nailed up");
    return {};
  }
  expected<void> begin(const batch&) override {
    const std::lock_guard guard(box_->mutex);
    ++box_->begun;
    return {};
  }
  expected<progress> write(const sink_block<dead_letter>& in, std::size_t& written) override {
    if (blocked())
      return progress::blocked;
    for (; written < in.records.size(); ++written)
      open_.push_back(in.records[written]);
    return progress::done;
  }
  expected<progress> prepare() override {
    if (blocked())
      return progress::blocked;
    if (box_->fails)
      return error(errc::sink_failed, "the box is full");
    return progress::done;
  }
  expected<progress> commit() override {
    if (blocked())
      return progress::blocked;
    const std::lock_guard guard(box_->mutex);
    box_->committed.insert(box_->committed.end(), open_.begin(), open_.end());
    open_.clear();
    return progress::done;
  }
  void abort() noexcept override {
    const std::lock_guard guard(box_->mutex);
    open_.clear();
    ++box_->aborted;
  }
  void close() noexcept override {
    const std::lock_guard guard(box_->mutex);
    ++box_->closed;
  }

private:
  bool blocked() {
    const std::lock_guard guard(box_->mutex);
    if (box_->blocks_left == 0)
      return false;
    --box_->blocks_left;
    wake_();
    return true;
  }

  std::shared_ptr<letter_box> box_;
  std::function<void()> wake_;
  std::vector<dead_letter> open_;
};

inline sink_factory<dead_letter> letters_to(std::shared_ptr<letter_box> box) {
  return {.traits = {.name = "box", .parallel = true},
          .make = [box] { return std::make_unique<letter_sink>(box); }};
}

/// Text on two partitions, into a table.
template <class Out>
struct text_job {
  template <class Build>
  text_job(run_mode how, Build build, context_options options) {
    options.executor = how.executor;
    options.seed = how.seed;
    options.log = [this](const log_record& r) {
      const std::lock_guard guard(mutex);
      messages.emplace_back(r.message);
    };
    job.emplace(*testing::stepped_job::make(std::move(options)));
    build(memory_stream(job->context(), input, "lines")).to(memory_sink(table));
  }
  template <class Build>
  text_job(run_mode how, Build build) : text_job(how, build, options_for(how)) {}

  batch_report step() {
    auto report = job->step();
    INFO((report ? std::string() : report.error().to_string()));
    REQUIRE(report);
    return *report;
  }
  batch_report good_step() {
    auto report = step();
    INFO((report.failure ? report.failure->to_string() : std::string()));
    REQUIRE_FALSE(report.failure);
    return report;
  }
  std::size_t logged(std::string_view part) {
    const std::lock_guard guard(mutex);
    return static_cast<std::size_t>(
        std::count_if(messages.begin(), messages.end(),
                      [&](const std::string& m) { return m.find(part) != std::string::npos; }));
  }

  std::mutex mutex;
  std::vector<std::string> messages;
  std::shared_ptr<memory_log<std::string>> input = std::make_shared<memory_log<std::string>>(2);
  std::shared_ptr<memory_table<Out>> table = std::make_shared<memory_table<Out>>();
  std::optional<testing::stepped_job> job;
};

/// The number in a text, or an exception.
inline int number_in(const std::string& text) { return std::stoi(text); }

} // namespace weir::test
