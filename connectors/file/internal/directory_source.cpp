#include <weir/connectors/file/internal/directory_source.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace weir {

std::vector<found_file> seen_files::add(std::vector<found_file> listed, wall_time now) {
  std::vector<found_file> fresh;
  const auto latest = now.time_since_epoch().count();
  for (auto& file : listed) {
    if (file.modified < oldest_)
      continue;
    newest_ = std::max(newest_, std::min(file.modified, latest));
    const auto [at, is_new] = times_.try_emplace(file.name, file.modified);
    if (is_new)
      fresh.push_back(std::move(file));
    else
      at->second = file.modified; // it was changed, which does not make it new, nor old
  }
  oldest_ = std::max(oldest_, newest_ - max_age_);
  boost::unordered::erase_if(times_, [this](const auto& seen) { return seen.second < oldest_; });
  std::sort(fresh.begin(), fresh.end(), [](const found_file& a, const found_file& b) {
    return std::tie(a.modified, a.name) < std::tie(b.modified, b.name);
  });
  return fresh;
}

directory_source::directory_source(std::string path, directory_options options)
    : options_(std::move(options)), from_(std::move(path)), seen_(options_.max_file_age) {}

expected<void> directory_source::open(const source_setup& setup) {
  if (auto checked = options_.check(); !checked)
    return checked;
  host_ = setup.host;
  whole_backlog_ = setup.trigger == trigger::once;
  auto listed = from_.list(options_.pattern, options_.recursive);
  if (!listed)
    return std::move(listed).error();
  if (options_.new_files_only)
    seen_.add(std::move(*listed), host_->clock().now());
  return {};
}

std::unique_ptr<receiver> directory_source::make_receiver(std::uint32_t) {
  return std::make_unique<file_receiver>(from_, options_, measured_);
}

expected<std::vector<partition_position>> directory_source::survey() {
  std::vector<found_file> listed;
  const bool hungry = waiting_.size() < options_.max_files_per_batch;
  if (hungry || whole_backlog_) { // else there is enough to do
    auto answer = from_.list(options_.pattern, options_.recursive);
    if (answer)
      listed = std::move(*answer);
    else if (options_.unreadable_files == unreadable_input::fail)
      return std::move(answer).error();
    else
      host_->log(log_level::warning, "weir.file", answer.error().message());
  }
  for (auto& file : seen_.add(std::move(listed), host_->clock().now()))
    waiting_.push_back(std::move(file));
  return std::vector<partition_position>{
      {.topic = from_.path(),
       .partition = 0,
       .position = taken_,
       .latest = taken_ + static_cast<std::int64_t>(waiting_.size())}};
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
    work.ranges.push_back({.topic = file.name,
                           .partition = static_cast<std::int32_t>(taken_++),
                           .from = 0,
                           .until = file.bytes,
                           .latest = file.bytes});
  }
  work.expected_records = measured_->lines_in(work.count());
  // What waits behind the batch is its lag.
  if (!work.ranges.empty())
    for (const auto& file : waiting_)
      work.ranges.back().latest += file.bytes;
  return work;
}

void directory_source::completed(const batch&, const source_batch&) {
  planned_.pop_front(); // batches complete in order
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
