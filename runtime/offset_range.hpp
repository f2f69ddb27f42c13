// The part of one source partition that one batch reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace weir {

/// `[from, until)` of one partition of one source in one batch. Offsets may have gaps, so `count()`
/// is an upper bound of the records read.
struct offset_range {
  std::string topic;          ///< Topic, file set or receiver that the partition belongs to.
  std::int32_t partition = 0; ///< The partition's number at the source.
  std::int64_t from = 0;      ///< First offset of the batch.
  std::int64_t until =
      0; ///< First offset after the batch; equal to `from` when the range is empty.
  std::int64_t latest =
      0; ///< End of the partition when the batch was planned; `latest - until` is its lag.

  [[nodiscard]] std::int64_t count() const noexcept { return until - from; }
  [[nodiscard]] bool empty() const noexcept { return until == from; }
  [[nodiscard]] std::int64_t lag() const noexcept {
    return std::max<std::int64_t>(0, latest - until);
  }
  friend bool operator==(const offset_range&, const offset_range&) = default;
};

} // namespace weir
