// The records of one logical partition of one batch, as map_partitions and the actions on whole
// batches see them.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/block.hpp>

#include <iterator>
#include <vector>

namespace weir {

/// A forward range of `const T&` over all blocks of a partition. Keeps them alive; cheap to copy.
/// Any thread.
template <class T>
class partition_view {
public:
  class iterator {
  public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = const T&;
    using iterator_category = std::forward_iterator_tag;

    iterator() = default;
    iterator(const std::vector<block_ptr>* blocks, std::size_t block)
        : blocks_(blocks), block_(block) {}

    const T& operator*() const { return block_cast<T>(*(*blocks_)[block_]).records()[record_]; }
    const T* operator->() const { return &**this; }
    iterator& operator++() {
      if (++record_ == (*blocks_)[block_]->size()) {
        record_ = 0;
        ++block_;
      }
      return *this;
    }
    iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator&, const iterator&) = default;

  private:
    const std::vector<block_ptr>* blocks_ = nullptr;
    std::size_t block_ = 0;
    std::size_t record_ = 0;
  };

  partition_view(partition_id id, const weir::batch& whole, std::vector<block_ptr> blocks)
      : id_(id), whole_(&whole), blocks_(std::move(blocks)) {
    for (const auto& one : blocks_)
      size_ += one->size();
  }

  [[nodiscard]] partition_id id() const noexcept { return id_; }
  [[nodiscard]] batch_time time() const noexcept { return whole_->time; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] iterator begin() const { return {&blocks_, 0}; }
  [[nodiscard]] iterator end() const { return {&blocks_, blocks_.size()}; }

  /// The batch that the partition belongs to; valid during the call that gave the view.
  [[nodiscard]] const weir::batch& batch() const noexcept { return *whole_; }

private:
  partition_id id_;
  const weir::batch* whole_;
  std::vector<block_ptr> blocks_;
  std::size_t size_ = 0;
};

/// All records of one batch of one stream, with its time and offset ranges. Keeps the blocks alive.
template <class T>
class batch_view {
public:
  batch_view(const weir::batch& whole, std::vector<partition_view<T>> partitions)
      : whole_(&whole), partitions_(std::move(partitions)) {}

  [[nodiscard]] batch_time time() const noexcept { return whole_->time; }
  [[nodiscard]] weir::epoch epoch() const noexcept { return whole_->epoch; }

  /// By logical partition, empty ones included.
  [[nodiscard]] const std::vector<partition_view<T>>& partitions() const noexcept {
    return partitions_;
  }

  /// What each source reads in this batch. With one source, range i is the source's partition i.
  [[nodiscard]] const std::vector<source_batch>& sources() const noexcept {
    return whole_->sources;
  }

  /// The ranges of the first source: all there is in a job with one.
  [[nodiscard]] const std::vector<offset_range>& offset_ranges() const {
    return whole_->sources.front().ranges;
  }

  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const auto& partition : partitions_)
      sum += partition.size();
    return sum;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Calls `use(record)` for every record, partition by partition.
  template <class Use>
  void for_each(Use&& use) const {
    for (const auto& partition : partitions_)
      for (const auto& record : partition)
        use(record);
  }

  /// A copy of all records, made to own their bytes.
  [[nodiscard]] std::vector<owned_t<T>> collect() const {
    std::vector<owned_t<T>> all;
    all.reserve(size());
    for_each([&](const T& record) { all.push_back(record_traits<T>::to_owned(record)); });
    return all;
  }

private:
  const weir::batch* whole_;
  std::vector<partition_view<T>> partitions_;
};

} // namespace weir
