// The composition root: puts graph, plan, executor, sources and rate control together. See
// context.hpp.
#include <weir/runtime/context.hpp>

#include <weir/backpressure/rate_controller.hpp>
#include <weir/runtime/internal/job.hpp>
#include <weir/runtime/internal/state_warning.hpp>

#include <algorithm>
#include <mutex>

namespace weir {
namespace {

/// One rate controller behind the interface that the job knows.
class controller_governor final : public rate_governor {
public:
  controller_governor(rate_controller controller, duration interval)
      : controller_(std::move(controller)), interval_(interval),
        single_(controller_.options().single) {}

  std::vector<std::optional<std::uint64_t>>
  limits(steady_time now, const work_in_flight& unfinished,
         const std::vector<partition_position>& unread) override {
    std::vector<partition_backlog> backlogs;
    for (std::size_t i = 0; i < unread.size(); ++i)
      backlogs.push_back({.partition = partition_id(static_cast<std::uint32_t>(i)),
                          .lag = static_cast<std::uint64_t>(unread[i].lag()),
                          .ceiling = ceiling_of(unread[i])});
    const plan_moment at{.now = now, .interval = interval_, .unfinished = unfinished};
    std::vector<std::optional<std::uint64_t>> limits;
    for (const auto& share : controller_.limits(at, backlogs))
      limits.push_back(share.max_records);
    return limits;
  }

  [[nodiscard]] std::optional<double> rate() const override {
    return controller_.measured() ? controller_.rate() : controller_.options().job.ceiling;
  }

  rate_decision on_batch(const batch_timing& timing) override {
    return controller_.on_batch(timing);
  }

  expected<void> set_gains(pid_gains gains) override { return controller_.set_gains(gains); }

  expected<void> set_limits(const rate_limits& limits) override {
    auto done = controller_.set_bounds(limits.job, limits.partition);
    if (done)
      single_ = limits.single;
    return done;
  }

private:
  [[nodiscard]] std::optional<double> ceiling_of(const partition_position& at) const {
    const auto it = std::ranges::find_if(single_, [&at](const partition_ceiling& one) {
      return one.partition == at.partition && one.topic == at.topic;
    });
    return it == single_.end() ? std::nullopt : std::optional(it->ceiling);
  }

  rate_controller controller_;
  duration interval_;
  std::vector<partition_ceiling> single_;
};

expected<std::unique_ptr<rate_governor>> make_governor(const context_options& options) {
  auto controller = rate_controller::make(options.batch_interval, options.rate_control);
  if (!controller)
    return std::move(controller).error();
  return std::make_unique<controller_governor>(std::move(*controller), options.batch_interval);
}

error not_started(std::string_view call) {
  return error(errc::invalid_state,
               std::string(call) + "(): the context has not started; start() it first");
}

} // namespace

class context::impl {
public:
  [[nodiscard]] std::shared_ptr<job> current() const {
    std::lock_guard guard(mutex_);
    return job_;
  }
  void set(std::shared_ptr<job> started) {
    std::lock_guard guard(mutex_);
    job_ = std::move(started);
  }

  std::vector<std::shared_ptr<listener>> listeners;
  std::function<void()> on_work;
  bool warned = false; ///< Of state that ends with the job.

private:
  mutable std::mutex mutex_;
  std::shared_ptr<job> job_;
};

context::context(std::shared_ptr<composition> composed, std::unique_ptr<impl> running)
    : composed_(std::move(composed)), impl_(std::move(running)) {}
context::context(context&&) noexcept = default;
context& context::operator=(context&&) noexcept = default;
context::~context() = default;

expected<context> context::make(context_options options) {
  if (auto checked = check(options); !checked)
    return std::move(checked).error();
  if (auto governor = make_governor(options); !governor)
    return std::move(governor).error();
  auto composed = std::make_shared<composition>();
  composed->options = std::move(options);
  return context(std::move(composed), std::make_unique<impl>());
}

expected<void> context::start() {
  if (running())
    return error(errc::invalid_state,
                 "the context is already running; stop it before the next start");
  if (std::ranges::find(impl_->listeners, nullptr) != impl_->listeners.end())
    return error(errc::invalid_config, "add_listener() was given a null pointer");
  auto planned = make_plan(composed_->graph, composed_->options);
  if (!planned)
    return std::move(planned).error();
  composed_->graph.freeze([to = composed_.get()](const error& late) {
    if (to->options.log)
      to->options.log({log_level::error, "weir.job", late.to_string()});
    std::lock_guard guard(to->late_mutex);
    to->late.push_back(late);
  });
  auto started = std::make_shared<job>(*composed_, std::move(*planned), impl_->listeners);
  const bool in_line = composed_->options.executor == executor_kind::in_line;
  if (in_line)
    started->on_work(impl_->on_work);
  if (auto running =
          started->start(&make_governor, in_line ? &make_inline_executor : &make_actor_executor);
      !running)
    return running;
  impl_->set(std::move(started));
  if (!std::exchange(impl_->warned, true))
    warn_of_state();
  return {};
}

void context::warn_of_state() const {
  const auto& options = composed_->options;
  if (!options.log || options.min_log_level > log_level::warning)
    return;
  if (const auto text = state_warning(composed_->graph); !text.empty())
    options.log({log_level::warning, "weir.context", text});
}

expected<stop_result> context::stop(duration deadline, stop_mode mode) {
  const auto running = impl_->current();
  if (!running)
    return not_started("stop");
  running->request_stop(deadline, mode);
  if (auto ended = await(); !ended)
    return std::move(ended).error();
  return running->left();
}

void context::request_stop(duration deadline, stop_mode mode) {
  if (const auto running = impl_->current())
    running->request_stop(deadline, mode);
}

expected<void> context::await() {
  auto ended = impl_->current() ? await_for(duration::max()) : not_started("await");
  if (!ended)
    return std::move(ended).error();
  return {};
}

expected<bool> context::await_for(duration limit) {
  const auto running = impl_->current();
  if (!running)
    return not_started("await_for");
  if (running->calls_me())
    return error(errc::invalid_state,
                 "a listener or a user's function cannot wait for the job that calls it; use "
                 "request_stop(), and await() outside of it");
  if (composed_->options.executor == executor_kind::in_line) {
    const auto end = deadline_after(std::chrono::steady_clock::now(), limit);
    while (!running->finished() && std::chrono::steady_clock::now() < end)
      running->turn_or_wait(std::chrono::milliseconds(10));
  } else if (!running->wait(limit)) {
    return false;
  }
  if (!running->finished())
    return false;
  if (running->failure())
    return *running->failure();
  std::lock_guard guard(composed_->late_mutex);
  if (!composed_->late.empty())
    return error(errc::invalid_state,
                 "the job has ended, but without what was composed after its start; compose the "
                 "whole graph before start()",
                 composed_->late);
  return true;
}

bool context::running() const {
  const auto current = impl_->current();
  return current && !current->finished();
}

bool context::run_ready() {
  const auto running = impl_->current();
  if (!running || composed_->options.executor != executor_kind::in_line)
    return running && !running->finished();
  running->take_slice();
  return !running->finished();
}

bool context::poll_for(duration limit) {
  const auto running = impl_->current();
  if (!running || composed_->options.executor != executor_kind::in_line)
    return running && !running->finished();
  const auto end = deadline_after(std::chrono::steady_clock::now(), limit);
  while (!running->finished() && !running->calls_me()) {
    const bool worked =
        running->turn(std::max<duration>(duration::zero(), end - std::chrono::steady_clock::now()));
    const duration left = end - std::chrono::steady_clock::now();
    if (left <= duration::zero())
      break;
    if (!worked)
      running->idle(left);
  }
  return !running->finished();
}

duration context::next_due() const {
  const auto running = impl_->current();
  return running ? running->due_in() : duration::max();
}

void context::on_work(std::function<void()> call) { impl_->on_work = std::move(call); }

void context::add_listener(std::shared_ptr<listener> hears) {
  impl_->listeners.push_back(std::move(hears));
}

expected<void> context::set_gains(pid_gains gains) {
  auto options = composed_->options;
  options.rate_control.gains = gains;
  if (auto governor = make_governor(options); !governor)
    return std::move(governor).error();
  composed_->options.rate_control.gains = gains; // for the next start too
  if (const auto running = impl_->current())
    running->set_gains(gains);
  return {};
}

expected<void> context::set_rate_limits(rate_limits limits) {
  auto options = composed_->options;
  options.rate_control.job = limits.job;
  options.rate_control.partition = limits.partition;
  options.rate_control.single = limits.single;
  if (auto governor = make_governor(options); !governor)
    return std::move(governor).error();
  composed_->options.rate_control = options.rate_control; // for the next start too
  if (const auto running = impl_->current())
    running->set_rate_limits(std::move(limits));
  return {};
}

expected<std::string> context::explain(explain_format format) const {
  auto planned = make_plan(composed_->graph, composed_->options);
  if (!planned)
    return std::move(planned).error();
  return weir::explain(composed_->graph, *planned, format);
}

const context_options& context::options() const { return composed_->options; }

} // namespace weir
