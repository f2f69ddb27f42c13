// Fills one block up to a limit of records or bytes. Next on the data path: actors/stage_actor.hpp.
#pragma once

#include <weir/runtime/block.hpp>

#include <algorithm>

namespace weir {

/// How large a block may grow, and out of what. Larger blocks cost less per record; smaller ones
/// keep latency and memory low.
struct block_limits {
  std::size_t max_records = 1024;     ///< >= 1, records.
  std::size_t max_bytes = 256 * 1024; ///< >= 1, bytes of charge. One record may exceed it alone.
  std::pmr::memory_resource* memory =
      nullptr; ///< Where blocks get the storage of their records and of the bytes these point
               ///< into: thread-safe, outlives every block. null: new and delete.
};

/// Collects records of one logical partition. Single-threaded; reusable after `build`.
template <class T>
class block_builder {
public:
  explicit block_builder(block_limits limits = {})
      : limits_(limits), pool_(std::make_shared<block_pool<T>>(arena_chunk(limits), limits.memory)),
        storage_(pool_->take()) {}

  /// A copy takes over the limits and starts empty: stages are copied as prototypes, before they
  /// hold records.
  block_builder(const block_builder& prototype) : block_builder(prototype.limits_) {}
  block_builder& operator=(const block_builder&) = delete;
  block_builder(block_builder&&) noexcept = default;
  block_builder& operator=(block_builder&&) noexcept = default;

  /// Where the bytes that views of the next records point into are to be placed.
  [[nodiscard]] arena& bytes() noexcept { return storage_.bytes; }

  /// Adds a record. Call only while not `full()`.
  /// @param origin offset at the source, or `no_origin`; all records of a block must agree on
  /// having one.
  template <class U>
  void push(U&& record, std::int64_t origin = no_origin) {
    heap_bytes_ +=
        record_traits<T>::heap_bytes(storage_.records.emplace_back(std::forward<U>(record)));
    if constexpr (!has_origin<T>)
      if (origin != no_origin)
        storage_.origins.push_back(origin);
  }

  /// Keeps `source` alive as long as the block: views in the records point into it.
  void keep_alive(block_ptr source) { keep_alive_ = std::move(source); }

  [[nodiscard]] bool empty() const noexcept { return storage_.records.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return storage_.records.size(); }
  [[nodiscard]] bool full() const noexcept {
    return size() >= limits_.max_records || charge() >= limits_.max_bytes;
  }

  /// The block, leaving the builder empty; null when there is no record.
  [[nodiscard]] block_ptr build() {
    if (empty())
      return {};
    const std::size_t total = charge();
    heap_bytes_ = 0;
    return block_ptr(new block<T>(std::exchange(storage_, pool_->take()),
                                  std::exchange(keep_alive_, {}), total, pool_));
  }

  /// Forgets what was collected, e.g. when the epoch is aborted.
  void clear() {
    pool_->give_back(std::exchange(storage_, pool_->take()));
    keep_alive_.reset();
    heap_bytes_ = 0;
  }

  /// Bytes that the block would count for now.
  [[nodiscard]] std::size_t charge() const noexcept {
    return size() * sizeof(T) + heap_bytes_ + storage_.bytes.used();
  }

private:
  static std::size_t arena_chunk(block_limits limits) {
    return std::clamp<std::size_t>(limits.max_bytes / 2, 256, 128 * 1024);
  }

  block_limits limits_;
  std::shared_ptr<block_pool<T>> pool_; ///< Shared with the blocks, which outlive the builder.
  block_storage<T> storage_;            ///< Of the block being filled.
  block_ptr keep_alive_;
  std::size_t heap_bytes_ = 0;
};

} // namespace weir
