// The write-ahead log of one push buffer, on a thread of its own. Next: push_buffer.hpp.
#pragma once

#include <weir/connectors/push/options.hpp>
#include <weir/runtime/source.hpp>
#include <weir/runtime/write_ahead_log.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace weir {

namespace detail {

/// Collects records into groups and makes them durable: after 10 ms or 1 MiB, or when asked. While
/// the disk fails nothing more is taken, and each second another segment is tried.
///
/// Thread-safe but for `open`, `begin` and `end`. `add` and `accepts` never wait for the disk.
class journal {
public:
  static constexpr std::size_t group_bytes = std::size_t{1} << 20;

  /// Opens the log of one partition. Blocks.
  static expected<std::unique_ptr<journal>> open(std::unique_ptr<log_folder> folder,
                                                 std::string stream);
  ~journal() { end(); }

  [[nodiscard]] write_ahead_log::recovery take_recovery() { return std::exchange(recovery_, {}); }

  /// Starts the thread "<job>.<suffix>".
  /// @param synced told on that thread the position before which everything is durable, after each
  /// sync, and also when the disk takes records again.
  void begin(source_host& host, std::string suffix, std::function<void(std::int64_t)> synced);

  /// Makes durable what it can, then ends the thread.
  void end();

  /// Adds one record at `position`, the next one.
  /// @returns errc::invalid_config when it is longer than a frame may be; then it is not added.
  expected<void> add(std::int64_t position, const void* record,
                     void (*encode)(const void*, std::string&));

  /// Adds records that are kept together.
  expected<void> add(logged_records group);

  /// Whether the disk takes records, as far as is known.
  [[nodiscard]] bool accepts() const;

  /// The records before `until` are in complete batches.
  void complete(std::int64_t until);

  /// Waits until what was added is durable, or the disk is found not to take it.
  void flush();

  /// Puts the folder's name before the errors there are.
  void name_errors(std::string_view folder);

  /// The errors since the last call.
  [[nodiscard]] std::vector<error> take_errors();

private:
  explicit journal(weir::write_ahead_log log)
      : log_(std::move(log)), recovery_(log_.take_recovery()) {}
  void run();
  void close_group();
  [[nodiscard]] bool has_work() const;
  template <class Done>
  void pause(std::unique_lock<std::mutex>& lock, duration at_most, Done done);
  expected<std::int64_t> write(std::vector<logged_records> groups, std::int64_t complete);

  weir::write_ahead_log log_; ///< The thread's while it runs.
  write_ahead_log::recovery recovery_;
  source_host* host_ = nullptr;
  std::string suffix_;
  std::function<void(std::int64_t)> synced_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable flushed_;
  logged_records group_; ///< Being filled.
  std::vector<logged_records> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::int64_t added_ = 0;
  std::int64_t durable_ = 0;
  std::int64_t complete_ = 0;
  bool flush_wanted_ = false;
  bool unsaid_ = false; ///< What is durable and complete is not all on disk yet.
  bool failing_ = false;
  bool ending_ = false;
  std::vector<error> errors_;
  std::thread thread_;
};

/// The logs of the partitions of one source, each in a folder of its own.
/// @returns as `write_ahead_log::open`; errc::invalid_config when there are logs of more
/// partitions, whose records nobody would read.
expected<std::vector<std::unique_ptr<journal>>> open_journals(const push_options& options,
                                                              std::size_t partitions);

} // namespace detail
} // namespace weir
