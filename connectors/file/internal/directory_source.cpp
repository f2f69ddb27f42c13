#include <weir/connectors/file/internal/directory_source.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace weir {

directory_source::directory_source(std::string path, directory_options options)
    : options_(std::move(options)), from_(std::move(path)), seen_(from_, options_.max_file_age) {}

expected<void> directory_source::open(const source_setup& setup) {
  if (auto checked = options_.check(); !checked)
    return checked;
  host_ = setup.host;
  whole_backlog_ = setup.trigger == trigger::once;
  auto listed = from_.list(options_.pattern, options_.recursive);
  if (!listed)
    return std::move(listed).error();
  if (options_.new_files_only)
    seen_.add_old(std::move(*listed), host_->clock().steady_now());
  return {};
}

std::unique_ptr<receiver> directory_source::make_receiver(std::uint32_t) {
  return std::make_unique<file_receiver>(from_, options_, measured_, told_);
}

expected<std::vector<partition_position>> directory_source::survey() {
  const bool hungry = waiting_.size() < options_.max_files_per_batch;
  if (hungry || whole_backlog_) { // else there is enough to do
    auto listed = from_.list(options_.pattern, options_.recursive);
    if (listed) {
      auto changes = seen_.add(std::move(*listed), host_->clock().steady_now());
      leave_out(changes.left_out);
      queue(std::move(changes.fresh));
    } else if (options_.unreadable_files == unreadable_input::fail) {
      return std::move(listed).error();
    } else {
      host_->log(log_level::warning, "weir.file", listed.error().message());
    }
  }
  return std::vector<partition_position>{
      {.topic = from_.path(),
       .partition = 0,
       .position = taken_,
       .latest = taken_ + static_cast<std::int64_t>(waiting_.size())}};
}

void directory_source::queue(std::vector<found_file> fresh) {
  std::vector<left_out_file> replaced;
  for (auto& file : fresh) {
    const auto old = std::ranges::find(waiting_, file.name, &found_file::name);
    if (old != waiting_.end()) {
      waiting_.erase(old);
      replaced.push_back({file.name, std::string(replaced_before_read)});
    }
    waiting_.push_back(std::move(file));
  }
  leave_out(replaced);
}

void directory_source::leave_out(const std::vector<left_out_file>& files) {
  constexpr std::size_t told_one_by_one = 10;
  told_->leave_out(files.size());
  for (std::size_t i = 0; i < files.size() && i <= told_one_by_one; ++i) {
    auto text =
        i < told_one_by_one
            ? fmt::format("left out: '{}/{}': {}", from_.path(), files[i].name, files[i].why)
            : fmt::format("left out: {} more files of '{}'", files.size() - i, from_.path());
    host_->log(log_level::warning, "weir.file", text);
    const std::lock_guard guard(mutex_);
    errors_.emplace_back(errc::io, std::move(text));
  }
}

std::vector<error> directory_source::take_errors() {
  const std::lock_guard guard(mutex_);
  return std::exchange(errors_, {});
}

source_batch directory_source::plan(const std::vector<partition_position>& unread,
                                    const std::vector<std::optional<std::uint64_t>>&) {
  const auto wanted = static_cast<std::size_t>(unread.empty() ? 0 : unread.front().lag());
  auto count = std::min(wanted, waiting_.size());
  if (!whole_backlog_)
    count = std::min(count, options_.max_files_per_batch);

  source_batch work;
  auto& files = planned_.emplace_back();
  for (std::size_t i = 0; i < count; ++i) {
    auto& file = files.emplace_back(std::move(waiting_.front()));
    waiting_.pop_front();
    const auto number = static_cast<std::int32_t>(taken_++);
    told_->plan(number, file);
    work.ranges.push_back({.topic = file.name,
                           .partition = number,
                           .from = 0,
                           .until = file.state.bytes,
                           .latest = file.state.bytes});
  }
  work.expected_records = measured_->lines_in(work.count());
  // What waits behind the batch is its lag.
  if (!work.ranges.empty())
    for (const auto& file : waiting_)
      work.ranges.back().latest += file.state.bytes;
  return work;
}

void directory_source::completed(const batch&, const source_batch& work) {
  planned_.pop_front(); // batches complete in order
  for (const auto& range : work.ranges)
    told_->forget(range.partition);
}

void directory_source::rewind(const source_batch&) {
  // The oldest batch that is not complete is always the first of those that will not be.
  for (; !planned_.empty(); planned_.pop_back()) {
    auto& files = planned_.back();
    taken_ -= static_cast<std::int64_t>(files.size());
    waiting_.insert(waiting_.begin(), std::make_move_iterator(files.begin()),
                    std::make_move_iterator(files.end()));
  }
}

} // namespace weir
