// What the job has counted so far, for whoever asks. Next: server.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

/// Filled by the job at the end of each batch, read by requests. Thread-safe.
class counts {
public:
  void add(const std::string& key, std::int64_t count) {
    std::lock_guard guard(mutex_);
    counts_[key] += count;
  }

  [[nodiscard]] std::optional<std::int64_t> of(std::string_view key) const {
    std::lock_guard guard(mutex_);
    const auto at = counts_.find(key);
    return at == counts_.end() ? std::nullopt : std::optional(at->second);
  }

  [[nodiscard]] std::int64_t total() const {
    std::lock_guard guard(mutex_);
    std::int64_t sum = 0;
    for (const auto& [key, count] : counts_)
      sum += count;
    return sum;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::int64_t, std::less<>> counts_;
};
