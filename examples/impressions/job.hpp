// The streaming job: impressions in, counts per offer out. Next: toll.hpp.
#pragma once

#include "toll.hpp"

#include <weir/connectors/kafka.hpp>
#include <weir/weir.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace impressions {

using offer_id = std::int32_t;

/// Impressions per offer over all complete batches. Thread-safe.
class tally {
public:
  void add(const weir::batch_view<std::pair<offer_id, std::int64_t>>& batch) {
    std::lock_guard guard(mutex_);
    batch.for_each([this](const auto& count) {
      offers_[count.first] += count.second;
      total_ += count.second;
    });
  }

  [[nodiscard]] std::int64_t total() const {
    std::lock_guard guard(mutex_);
    return total_;
  }

  /// The offers that were seen most, at most `n`.
  [[nodiscard]] std::vector<std::pair<offer_id, std::int64_t>> top(std::size_t n) const {
    std::lock_guard guard(mutex_);
    std::vector<std::pair<offer_id, std::int64_t>> all(offers_.begin(), offers_.end());
    std::ranges::sort(all, [](const auto& a, const auto& b) { return a.second > b.second; });
    all.resize(std::min(n, all.size()));
    return all;
  }

private:
  mutable std::mutex mutex_;
  std::map<offer_id, std::int64_t> offers_;
  std::int64_t total_ = 0;
};

/// Composes the job: one count per offer and batch, added to `totals` when the batch is complete.
/// @param price what each record costs; null: nothing.
void count_impressions(weir::context& ctx, weir::kafka::direct_stream_options from,
                       std::shared_ptr<toll> price, const std::shared_ptr<tally>& totals);

} // namespace impressions
