// Records of one logical partition that travel together, immutable once built. Next:
// block_builder.hpp.
#pragma once

#include <weir/runtime/arena.hpp>
#include <weir/runtime/record_traits.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace weir {

/// What is known of a block without knowing its records' type. Immutable, so any thread may read
/// it.
class block_base : public boost::intrusive_ref_counter<block_base, boost::thread_safe_counter> {
public:
  block_base(const block_base&) = delete;
  block_base& operator=(const block_base&) = delete;
  virtual ~block_base() = default;

  /// Number of records, at least 1.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Bytes that the block counts for against credit and budget: records, what they own, and the
  /// arena.
  [[nodiscard]] std::size_t charge() const noexcept { return charge_; }

  /// The block that views in this one's records point into, or null. It lives as long as this one.
  [[nodiscard]] const block_base* source() const noexcept { return source_.get(); }

  /// Whether the bytes are in this block, or in the one that it keeps alive.
  [[nodiscard]] virtual bool holds(std::string_view bytes) const noexcept = 0;

protected:
  block_base(std::size_t size, std::size_t charge,
             boost::intrusive_ptr<const block_base> source) noexcept
      : size_(size), charge_(charge), source_(std::move(source)) {}

private:
  std::size_t size_;
  std::size_t charge_;
  boost::intrusive_ptr<const block_base> source_;
};

/// The form in which stages exchange blocks: shared, counted, type forgotten.
using block_ptr = boost::intrusive_ptr<const block_base>;

/// Offset of a record whose source is unknown, e.g. after a shuffle.
inline constexpr std::int64_t no_origin = -1;

/// What a block is made of. Reused from block to block: memory that was just read is still in the
/// cache, and fresh memory would have to be faulted in.
template <class T>
struct block_storage {
  std::vector<T, block_allocator<T>> records;
  arena bytes; ///< What views in the records point into, unless they point into another block.
  std::vector<std::int64_t, block_allocator<std::int64_t>>
      origins; ///< Offset at the source of each record; empty when unknown.
};

/// Storage of blocks that are gone, for those to come. Thread-safe; touched twice per block, never
/// per record. Keeps few, so a burst does not stay in memory.
template <class T>
class block_pool {
public:
  explicit block_pool(std::size_t arena_chunk, std::pmr::memory_resource* memory = nullptr)
      : arena_chunk_(arena_chunk), memory_(memory) {}

  [[nodiscard]] block_storage<T> take() {
    {
      std::lock_guard guard(mutex_);
      if (!free_.empty()) {
        auto storage = std::move(free_.back());
        free_.pop_back();
        return storage;
      }
    }
    return {.records = decltype(block_storage<T>::records)(memory_),
            .bytes = arena(arena_chunk_, memory_),
            .origins = decltype(block_storage<T>::origins)(memory_)};
  }

  void give_back(block_storage<T> storage) noexcept {
    storage.records.clear();
    storage.origins.clear();
    storage.bytes.rewind();
    std::lock_guard guard(mutex_);
    if (free_.size() < kept_at_most)
      free_.push_back(std::move(storage));
  }

private:
  static constexpr std::size_t kept_at_most = 4;

  const std::size_t arena_chunk_;
  std::pmr::memory_resource* const memory_;
  std::mutex mutex_;
  std::vector<block_storage<T>> free_; ///< Last in, first out.
};

/// A block of `T`. Views in its records point into its arena or into the block it keeps alive.
template <class T>
class block final : public block_base {
  static_assert(
      !std::is_same_v<T, bool>,
      "a block of bool would have no records to point at: map to char, int or an enumeration");

public:
  /// @param keep_alive the block that views in the records point into, or null.
  /// @param home where the storage goes when the last owner is gone.
  block(block_storage<T> storage, block_ptr keep_alive, std::size_t charge,
        std::shared_ptr<block_pool<T>> home)
      : block_base(storage.records.size(), charge, std::move(keep_alive)),
        storage_(std::move(storage)), home_(std::move(home)) {}
  ~block() override { home_->give_back(std::move(storage_)); }

  [[nodiscard]] std::span<const T> records() const noexcept { return storage_.records; }

  /// Offset at the source of record `i`, or `no_origin`.
  [[nodiscard]] std::int64_t origin(std::size_t i) const noexcept {
    if constexpr (has_origin<T>)
      return storage_.records[i].offset;
    else
      return storage_.origins.empty() ? no_origin : storage_.origins[i];
  }

  [[nodiscard]] bool holds(std::string_view bytes) const noexcept override {
    const auto* const first = reinterpret_cast<const char*>(storage_.records.data());
    const auto* const last = first + storage_.records.size() * sizeof(T);
    return storage_.bytes.holds(bytes) ||
           (bytes.data() >= first && bytes.data() + bytes.size() <= last) ||
           (source() && source()->holds(bytes));
  }

  /// Whether `origin` knows anything.
  [[nodiscard]] bool has_origins() const noexcept {
    return has_origin<T> || !storage_.origins.empty();
  }

private:
  block_storage<T> storage_;
  std::shared_ptr<block_pool<T>> home_;
};

/// The typed view of a block whose type the graph guarantees.
template <class T>
[[nodiscard]] const block<T>& block_cast(const block_base& erased) noexcept {
  return static_cast<const block<T>&>(erased);
}

} // namespace weir
