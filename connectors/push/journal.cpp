#include <weir/connectors/push/journal.hpp>

#include <fmt/format.h>

#include <cctype>
#include <filesystem>

namespace weir::detail {

using namespace std::chrono_literals;

namespace {

constexpr duration group_delay = 10ms;
constexpr duration idle_delay = 100ms; ///< Then a frame alone says what is durable.
constexpr duration retry_delay = 1s;
/// Records that are stored one by one share frames up to this, so that a full disk takes some.
constexpr std::size_t frame_bytes = std::size_t{256} << 10;
/// Room for what a frame holds beside its records.
constexpr std::size_t longest_record = write_ahead_log::max_frame - 1024;

} // namespace

expected<std::unique_ptr<journal>> journal::open(std::unique_ptr<log_folder> folder,
                                                 std::string stream) {
  auto log = write_ahead_log::open(std::move(folder), std::move(stream));
  if (!log)
    return std::move(log).error();
  std::unique_ptr<journal> opened(new journal(std::move(*log)));
  if (const auto& found = opened->recovery_; !found.torn_at.empty())
    opened->errors_.emplace_back(
        errc::decode,
        fmt::format("the write-ahead log was cut off in {}: {} bytes there were torn, "
                    "as a crash tears what was not acknowledged",
                    found.torn_at, found.torn_bytes));
  return opened;
}

void journal::begin(source_host& host, std::string suffix,
                    std::function<void(std::int64_t)> synced) {
  host_ = &host;
  suffix_ = std::move(suffix);
  synced_ = std::move(synced);
  for (const auto& torn : errors_)
    host.log(log_level::warning, "weir.receiver", torn.message());
  thread_ = std::thread([this] { run(); });
}

void journal::end() {
  {
    std::lock_guard guard(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

expected<void> journal::add(std::int64_t position, const void* record,
                            void (*encode)(const void*, std::string&)) {
  std::lock_guard guard(mutex_);
  const auto before = group_.bytes.size();
  encode(record, group_.bytes);
  const auto size = group_.bytes.size() - before;
  if (size > longest_record) {
    group_.bytes.resize(before);
    return error(errc::invalid_config,
                 fmt::format("a record of {} bytes is too long for the write-ahead log, whose "
                             "frames have at most {}",
                             size, write_ahead_log::max_frame));
  }
  if (before > 0 && before + size > frame_bytes) {
    std::string last = group_.bytes.substr(before);
    group_.bytes.resize(before);
    close_group();
    group_.bytes = std::move(last);
  }
  if (group_.count++ == 0)
    group_.first = position;
  added_ = position + 1;
  waiting_bytes_ += size;
  if (group_.count == 1 || waiting_bytes_ >= group_bytes)
    wake_.notify_one();
  return {};
}

expected<void> journal::add(logged_records group) {
  std::lock_guard guard(mutex_);
  if (group.bytes.size() > longest_record - group.origin.stream.size())
    return error(errc::invalid_config,
                 fmt::format("{} records of {} bytes are stored together, too long for the "
                             "write-ahead log, whose frames have at most {}",
                             group.count, group.bytes.size(), write_ahead_log::max_frame));
  close_group();
  added_ = group.until();
  waiting_bytes_ += group.bytes.size();
  waiting_.push_back(std::move(group));
  wake_.notify_one();
  return {};
}

bool journal::accepts() const {
  std::lock_guard guard(mutex_);
  return !failing_;
}

void journal::complete(std::int64_t until) {
  std::lock_guard guard(mutex_);
  if (until == complete_)
    return;
  complete_ = until;
  unsaid_ = true;
  wake_.notify_one();
}

void journal::flush() {
  std::unique_lock lock(mutex_);
  const auto wanted = added_;
  if (durable_ >= wanted || failing_ || ending_)
    return;
  flush_wanted_ = true;
  wake_.notify_one();
  flushed_.wait(lock, [&] { return durable_ >= wanted || failing_ || ending_; });
}

std::vector<error> journal::take_errors() {
  std::lock_guard guard(mutex_);
  return std::exchange(errors_, {});
}

void journal::name_errors(std::string_view folder) {
  for (auto& e : errors_)
    e = std::move(e).with(folder);
}

void journal::close_group() {
  if (group_.count > 0)
    waiting_.push_back(std::exchange(group_, {}));
}

bool journal::has_work() const { return group_.count > 0 || !waiting_.empty() || failing_; }

template <class Done>
void journal::pause(std::unique_lock<std::mutex>& lock, duration at_most, Done done) {
  auto& time = host_->clock();
  const auto until = deadline_after(time.steady_now(), at_most);
  while (!done() && time.steady_now() < until)
    time.wait_until(lock, wake_, until);
}

void journal::run() {
  host_->enter_thread(suffix_);
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    if (!has_work())
      wake_.wait(lock, [&] { return ending_ || has_work() || unsaid_; });
    if (!has_work())
      pause(lock, idle_delay, [&] { return ending_ || has_work(); });
    if (failing_)
      pause(lock, retry_delay, [&] { return ending_; });
    else if (has_work())
      pause(lock, group_delay,
            [&] { return ending_ || flush_wanted_ || waiting_bytes_ >= group_bytes; });
    last = ending_;
    close_group();
    auto groups = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    flush_wanted_ = false;
    unsaid_ = !groups.empty(); // the next frame says that these are durable
    const auto complete = complete_;
    lock.unlock();
    auto durable = write(std::move(groups), complete);
    lock.lock();
    if (durable) {
      failing_ = false;
    } else if (!std::exchange(failing_, true)) {
      auto told = error(durable.error()).with("write-ahead log");
      host_->log(log_level::error, "weir.receiver",
                 told.to_string() + "; nothing more is received until it can be written");
      errors_.push_back(std::move(told));
    }
    const auto until = std::max(durable_, log_.durable()); // part of it may be, after an error
    lock.unlock();
    synced_(until);
    lock.lock();
    durable_ = until; // whoever flushes finds that the buffer knows
    flushed_.notify_all();
  }
}

expected<std::int64_t> journal::write(std::vector<logged_records> groups, std::int64_t complete) {
  for (const auto& group : groups)
    if (auto added = log_.append(group); !added)
      return std::move(added).error();
  log_.complete(complete);
  return log_.sync();
}

expected<std::vector<std::unique_ptr<journal>>> open_journals(const push_options& options,
                                                              std::size_t partitions) {
  std::string name = options.name;
  for (auto& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-')
      c = '_';
  const auto folder_of = [&](std::size_t partition) {
    return std::filesystem::path(options.write_ahead_log.folder) /
           fmt::format("{}-{}", name, partition);
  };
  if (std::filesystem::exists(folder_of(partitions)))
    return error(errc::invalid_config,
                 fmt::format("{} was written with more than the {} receivers of '{}' now; start "
                             "with as many as before until it is read",
                             folder_of(partitions).string(), partitions, options.name));
  std::vector<std::unique_ptr<journal>> opened;
  for (std::size_t p = 0; p < partitions; ++p) {
    auto folder = open_log_folder(folder_of(p));
    if (!folder)
      return std::move(folder).error();
    auto log = journal::open(std::move(*folder), fmt::format("{}/{}", options.name, p));
    if (!log)
      return std::move(log).error().with(folder_of(p).string());
    (*log)->name_errors(folder_of(p).string());
    opened.push_back(std::move(*log));
  }
  return opened;
}

} // namespace weir::detail
