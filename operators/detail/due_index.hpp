// Keys in the order in which something is due for them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace weir::detail {

/// A heap of (time, key). Nothing is ever taken out of its middle: an entry whose key has moved on
/// is noticed when it comes to the top, and its owner pushes the key again with the time that holds
/// now. So an update costs nothing here, and each key comes up once per period however often it is
/// updated. What has become stale is bounded by `crowded`, upon which the owner fills the index
/// anew.
template <class Key>
class due_index {
public:
  struct entry {
    std::int64_t time = 0;
    Key key;
  };

  void push(std::int64_t time, Key key) {
    heap_.push_back({time, std::move(key)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }

  /// The earliest time, or the largest number.
  [[nodiscard]] std::int64_t next_time() const noexcept {
    return heap_.empty() ? std::numeric_limits<std::int64_t>::max() : heap_.front().time;
  }

  /// Takes out the earliest entry; there must be one.
  entry pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    entry top = std::move(heap_.back());
    heap_.pop_back();
    return top;
  }

  /// Whether most entries are stale, given how many can be valid.
  [[nodiscard]] bool crowded(std::size_t valid) const noexcept {
    return heap_.size() > 2 * valid + 1024;
  }

  void clear() noexcept { heap_.clear(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return heap_.capacity() * sizeof(entry); }

private:
  static bool later(const entry& a, const entry& b) noexcept { return a.time > b.time; }

  std::vector<entry> heap_;
};

} // namespace weir::detail
