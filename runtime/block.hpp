// Records of one logical partition that travel together, immutable once built. Next: block_builder.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <weir/runtime/arena.hpp>
#include <weir/runtime/record_traits.hpp>

namespace weir {

/// What is known of a block without knowing its records' type. Immutable, so any thread may read it.
class block_base : public boost::intrusive_ref_counter<block_base, boost::thread_safe_counter> {
public:
  block_base(const block_base&) = delete;
  block_base& operator=(const block_base&) = delete;
  virtual ~block_base() = default;

  /// Number of records, at least 1.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Bytes that the block counts for against credit and budget: records, what they own, and the arena.
  [[nodiscard]] std::size_t charge() const noexcept { return charge_; }

protected:
  block_base(std::size_t size, std::size_t charge) noexcept : size_(size), charge_(charge) {}

private:
  std::size_t size_;
  std::size_t charge_;
};

/// The form in which stages exchange blocks: shared, counted, type forgotten.
using block_ptr = boost::intrusive_ptr<const block_base>;

/// Offset of a record whose source is unknown, e.g. after a shuffle.
inline constexpr std::int64_t no_origin = -1;

/// A block of `T`. Views in its records point into its arena or into the block it keeps alive.
template <class T>
class block final : public block_base {
public:
  /// @param origins offset at the source of each record, or empty when unknown.
  /// @param keep_alive the block that views in the records point into, or null.
  block(std::vector<T> records, arena bytes, std::vector<std::int64_t> origins, block_ptr keep_alive, std::size_t charge)
      : block_base(records.size(), charge), keep_alive_(std::move(keep_alive)), bytes_(std::move(bytes)),
        records_(std::move(records)), origins_(std::move(origins)) {}

  [[nodiscard]] std::span<const T> records() const noexcept { return records_; }

  /// Offset at the source of record `i`, or `no_origin`.
  [[nodiscard]] std::int64_t origin(std::size_t i) const noexcept {
    if constexpr (has_origin<T>)
      return records_[i].offset;
    else
      return origins_.empty() ? no_origin : origins_[i];
  }

  /// Whether `origin` knows anything.
  [[nodiscard]] bool has_origins() const noexcept { return has_origin<T> || !origins_.empty(); }

private:
  block_ptr keep_alive_;
  arena bytes_;
  std::vector<T> records_;
  std::vector<std::int64_t> origins_;
};

/// The typed view of a block whose type the graph guarantees.
template <class T>
[[nodiscard]] const block<T>& block_cast(const block_base& erased) noexcept {
  return static_cast<const block<T>&>(erased);
}

} // namespace weir
