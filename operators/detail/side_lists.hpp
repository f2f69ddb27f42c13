// What two inputs hold of the same keys in one batch. Used by keyed/cogrouping.hpp and
// keyed/joining.hpp.
#pragma once

#include <weir/operators/detail/partition_tables.hpp>

#include <limits>
#include <vector>

namespace weir::detail {

/// The values of one side, in lists that run through one vector: a further value of a key allocates
/// nothing of its own, and the memory serves the next batch again.
template <class Value>
class value_lists {
public:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  /// Where the list of one key begins and ends; `none` for an empty one.
  struct list {
    std::size_t first = none;
    std::size_t last = none;
  };

  template <class View>
  void append(list& to, const View& value) {
    const std::size_t at = links_.size();
    links_.push_back({record_traits<View>::to_owned(value), none});
    bytes_ += sizeof(link) + record_traits<Value>::heap_bytes(links_.back().value);
    (to.first == none ? to.first : links_[to.last].next) = at;
    to.last = at;
  }

  [[nodiscard]] Value& operator[](std::size_t at) { return links_[at].value; }
  [[nodiscard]] std::size_t next(std::size_t at) const {
    return at == none ? none : links_[at].next;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  void clear() noexcept {
    links_.clear();
    bytes_ = 0;
  }

private:
  struct link {
    Value value;
    std::size_t next;
  };

  std::vector<link> links_;
  std::size_t bytes_ = 0;
};

/// The keys of both inputs with their values, until the batch ends: all of a head behind two
/// shuffles but its end. `In` are the records of the left and of the right input; they may be
/// views, what is kept owns its bytes.
template <class LeftIn, class RightIn>
class side_lists {
public:
  using key = owned_t<typename LeftIn::first_type>;
  using left_value = owned_t<typename LeftIn::second_type>;
  using right_value = owned_t<typename RightIn::second_type>;

  /// What a key has on either side.
  struct sides {
    typename value_lists<left_value>::list left;
    typename value_lists<right_value>::list right;
  };

  void open(const replica_context& context) { tables_.open(context); }
  void begin(const batch&) { tables_.begin(); }
  void undo() noexcept {
    tables_.clear();
    left_.clear();
    right_.clear();
  }

  /// Keeps the records of a block of the given input, 0 for left and 1 for right.
  template <class Flow>
  expected<progress> process(std::uint32_t input, const parcel& in, block_cursor&, Flow& flow) {
    flow.count_in(in.data->size());
    auto& table = tables_.of(in.partition);
    if (input == 0)
      keep<LeftIn>(table, in, left_, &sides::left);
    else
      keep<RightIn>(table, in, right_, &sides::right);
    if (auto kept = tables_.account(left_.bytes() + right_.bytes()); !kept)
      return std::move(kept).error();
    return progress::done;
  }

protected:
  /// Calls `expand(key, sides)` for each key until it returns `done`, then forgets everything.
  template <class Flow, class Expand>
  expected<progress> pass_each(const barrier& mark, Flow& flow, Expand&& expand) {
    auto passed = tables_.pass_each(mark, flow,
                                    [&](auto& entry) { return expand(entry.first, entry.second); });
    if (passed && *passed == progress::done)
      undo();
    return passed;
  }

  [[nodiscard]] value_lists<left_value>& left() noexcept { return left_; }
  [[nodiscard]] value_lists<right_value>& right() noexcept { return right_; }

private:
  template <class In, class Lists, class Side>
  static void keep(key_table<key, sides>& table, const parcel& in, Lists& lists, Side side) {
    for (const auto& [k, value] : block_cast<In>(*in.data).records())
      lists.append(table.find_or_make(k, [] { return sides(); }).first->*side, value);
  }

  partition_tables<key, sides> tables_;
  value_lists<left_value> left_;
  value_lists<right_value> right_;
};

} // namespace weir::detail
