// Which keys of a table a watermark closes something of, found without a look at the others.
#pragma once

#include <weir/operators/detail/due_index.hpp>
#include <weir/operators/detail/key_table.hpp>
#include <weir/runtime/time.hpp>

#include <vector>

namespace weir::detail {

/// Beside a table. Its values say when their first thing is due, `first_due()`, and lend a member
/// `due`, at first `event_time::max()`: the time at which the index has the key, never later than
/// the first thing. A key that comes up too early is put further back.
template <class Key, class Value>
class due_keys {
public:
  using table = key_table<Key, Value>;

  /// To be called when the first thing of a key may be due earlier than before.
  void note(const Key& key, Value& value) {
    if (const auto first = value.first_due(); first < value.due) {
      value.due = first;
      index_.push(ticks(first), key);
    }
  }

  /// Adds to `taken` the keys of which something is due at `mark`.
  void take(table& from, watermark mark) {
    while (!index_.empty() && index_.next_time() <= ticks(mark)) {
      const auto top = index_.pop();
      const auto found = from.find(top.key);
      if (found == from.end() || ticks(found->second.due) != top.time)
        continue; // it is gone, or in the index once more
      found->second.due = event_time::max();
      if (found->second.first_due() <= mark)
        taken_.push_back(found);
      else
        note(found->first, found->second);
    }
  }

  /// Valid as long as no key is added.
  [[nodiscard]] const std::vector<typename table::iterator>& taken() const noexcept {
    return taken_;
  }

  /// Back into the index with the keys taken. `close(value)` forgets what was due and says whether
  /// anything is left; without, the key is erased.
  template <class Close>
  void settle(table& from, Close&& close) {
    for (const auto at : taken_)
      if (close(at->second))
        note(at->first, at->second);
      else
        from.erase(at);
    taken_.clear();
    if (index_.crowded(from.size())) {
      index_.clear();
      for (auto& [key, value] : from) {
        value.due = event_time::max();
        note(key, value);
      }
    }
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    return index_.bytes() + taken_.capacity() * sizeof(typename table::iterator);
  }

private:
  static std::int64_t ticks(event_time at) noexcept { return at.time_since_epoch().count(); }

  due_index<Key> index_;
  std::vector<typename table::iterator> taken_;
};

} // namespace weir::detail
