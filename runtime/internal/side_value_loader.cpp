#include <weir/runtime/internal/side_value_loader.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace weir {

side_value_loader::side_value_loader(std::vector<std::shared_ptr<side_value>> values, clock& time,
                                     control_loop& loop, log_function log)
    : time_(&time), loop_(&loop), log_(std::move(log)) {
  for (auto& value : values)
    entries_.push_back({.value = std::move(value)});
}

void side_value_loader::end() {
  ending_ = true;
  thread_.reset();
}

expected<void> side_value_loader::load_all() {
  for (auto& each : entries_) {
    if (auto loaded = each.value->load(); !loaded)
      return std::move(loaded).error().with(each.value->name());
    if (const auto interval = each.value->reload_interval(); interval > duration::zero())
      each.due = deadline_after(time_->steady_now(), interval);
  }
  return {};
}

bool side_value_loader::reloads() const noexcept {
  return std::any_of(entries_.begin(), entries_.end(), [](const entry& each) {
    return each.value->reload_interval() > duration::zero();
  });
}

bool side_value_loader::reload_due() {
  const auto now = time_->steady_now();
  bool any = false;
  for (auto& each : entries_) {
    if (each.due > now)
      continue;
    any = true;
    each.due = steady_time::max();
    if (!thread_) {
      loaded(each, each.value->load());
      continue;
    }
    thread_->post([this, &each] {
      if (ending_)
        return;
      loop_->post([this, &each, result = each.value->load()] { loaded(each, result); });
    });
  }
  return any;
}

void side_value_loader::loaded(entry& each, const expected<void>& result) {
  if (!result)
    log_(log_level::warning, "weir.table",
         fmt::format("'{}' could not be reloaded and stays as it was: {}", each.value->name(),
                     result.error().to_string()));
  each.due = deadline_after(time_->steady_now(), each.value->reload_interval());
}

steady_time side_value_loader::next_due() const noexcept {
  auto next = steady_time::max();
  for (const auto& each : entries_)
    next = std::min(next, each.due);
  return next;
}

std::vector<std::shared_ptr<const void>> side_value_loader::current() const {
  std::vector<std::shared_ptr<const void>> all;
  for (const auto& each : entries_)
    all.push_back(each.value->current());
  return all;
}

} // namespace weir
