// Fills one block up to a limit of records or bytes. Next on the data path: actors/stage_actor.hpp.
#pragma once

#include <algorithm>

#include <weir/runtime/block.hpp>

namespace weir {

/// How large a block may grow. Larger blocks cost less per record; smaller ones keep latency and memory low.
struct block_limits {
  std::size_t max_records = 1024;     ///< >= 1, records.
  std::size_t max_bytes = 256 * 1024; ///< >= 1, bytes of charge. One record may exceed it alone.
};

/// Collects records of one logical partition. Single-threaded; reusable after `build`.
template <class T>
class block_builder {
public:
  explicit block_builder(block_limits limits = {}) : limits_(limits), bytes_(arena_chunk(limits)) {}

  /// A copy takes over the limits and starts empty: stages are copied as prototypes, before they hold records.
  block_builder(const block_builder& prototype) : block_builder(prototype.limits_) {}
  block_builder& operator=(const block_builder&) = delete;
  block_builder(block_builder&&) noexcept = default;
  block_builder& operator=(block_builder&&) noexcept = default;

  /// Where the bytes that views of the next records point into are to be placed.
  [[nodiscard]] arena& bytes() noexcept { return bytes_; }

  /// Adds a record. Call only while not `full()`.
  /// @param origin offset at the source, or `no_origin`; all records of a block must agree on having one.
  template <class U>
  void push(U&& record, std::int64_t origin = no_origin) {
    if (records_.capacity() == 0) [[unlikely]]
      records_.reserve(std::min(limits_.max_records, expected_records_));
    charge_ += charge_of(records_.emplace_back(std::forward<U>(record)));
    if constexpr (!has_origin<T>)
      if (origin != no_origin)
        origins_.push_back(origin);
  }

  /// Keeps `source` alive as long as the block: views in the records point into it.
  void keep_alive(block_ptr source) { keep_alive_ = std::move(source); }

  [[nodiscard]] bool empty() const noexcept { return records_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  [[nodiscard]] bool full() const noexcept {
    return records_.size() >= limits_.max_records || charge() >= limits_.max_bytes;
  }

  /// The block, leaving the builder empty; null when there is no record.
  [[nodiscard]] block_ptr build() {
    if (records_.empty())
      return {};
    const std::size_t total = charge();
    // The next block is likely to be as long as this one: reserve for that, not for the limit.
    expected_records_ = std::max<std::size_t>(16, records_.size());
    block_ptr built(new block<T>(std::exchange(records_, {}), std::exchange(bytes_, arena(arena_chunk(limits_))),
                                 std::exchange(origins_, {}), std::exchange(keep_alive_, {}), total));
    charge_ = 0;
    return built;
  }

  /// Forgets what was collected, e.g. when the epoch is aborted.
  void clear() {
    records_.clear();
    origins_.clear();
    bytes_ = arena(arena_chunk(limits_));
    keep_alive_.reset();
    charge_ = 0;
  }

private:
  [[nodiscard]] std::size_t charge() const noexcept { return charge_ + bytes_.reserved(); }
  static std::size_t arena_chunk(block_limits limits) {
    return std::clamp<std::size_t>(limits.max_bytes / 8, 256, 64 * 1024);
  }

  block_limits limits_;
  arena bytes_;
  std::vector<T> records_;
  std::vector<std::int64_t> origins_;
  block_ptr keep_alive_;
  std::size_t charge_ = 0;
  std::size_t expected_records_ = 16;
};

} // namespace weir
