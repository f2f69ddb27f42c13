// What a watched directory's source tells its receivers beside the ranges of a batch.
#pragma once

#include <weir/connectors/file/internal/directory.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

namespace weir {

/// The files of batches that are planned, as they were found, and how many were left out before.
/// Thread-safe.
class planned_files {
public:
  void plan(std::int32_t number, found_file file) {
    const std::lock_guard guard(mutex_);
    files_.insert_or_assign(number, std::move(file));
  }
  void forget(std::int32_t number) {
    const std::lock_guard guard(mutex_);
    files_.erase(number);
  }
  [[nodiscard]] found_file at(std::int32_t number) const {
    const std::lock_guard guard(mutex_);
    const auto found = files_.find(number);
    return found == files_.end() ? found_file() : found->second;
  }

  /// Counts what is left out; the next batch says so.
  void leave_out(std::uint64_t count) {
    const std::lock_guard guard(mutex_);
    left_out_ += count;
  }
  [[nodiscard]] std::uint64_t take_left_out() {
    const std::lock_guard guard(mutex_);
    return std::exchange(left_out_, 0);
  }

private:
  mutable std::mutex mutex_;
  std::map<std::int32_t, found_file> files_;
  std::uint64_t left_out_ = 0;
};

} // namespace weir
