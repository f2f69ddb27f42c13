// The tables of the partitions that a replica hosts, and how a head passes them on at the batch's
// end.
#pragma once

#include <weir/operators/detail/key_table.hpp>

#include <utility>
#include <vector>

namespace weir::detail {

/// One table from key to value per hosted partition. Counted in the retained account.
template <class Key, class Value>
class partition_tables {
public:
  using table = key_table<Key, Value>;

  void open(const replica_context& context) {
    replicas_ = context.replicas;
    index_ = context.index;
    retained_.open(context);
  }

  void begin() {
    passing_ = 0;
    entered_ = false;
  }

  void clear() noexcept {
    for (auto& each : tables_)
      each.clear();
    retained_.release();
  }

  [[nodiscard]] table& of(partition_id partition) {
    const std::size_t local = partition.value / replicas_;
    if (tables_.size() <= local) [[unlikely]]
      grow(local + 1);
    return tables_[local];
  }

  /// Brings the retained account up to date. @param more bytes that the values own.
  expected<void> account(std::size_t more = 0) {
    std::size_t bytes = more;
    for (const auto& each : tables_)
      bytes += each.bytes();
    return retained_.set(bytes);
  }

  /// Pushes every (key, value) into the flow, then forgets them. Resumable. A missing batch passes
  /// nothing on.
  template <class Flow>
  expected<progress> pass_on(const barrier& mark, Flow& flow) {
    return pass_each(mark, flow, [&](auto& entry) -> expected<progress> {
      if (flow.blocked())
        return progress::blocked;
      flow.push(std::pair<Key, Value>(entry.first, std::move(entry.second)));
      if (auto settled = flow.settle_noted(); !settled)
        return std::move(settled).error();
      return progress::done;
    });
  }

  /// The same with `expand(entry)` instead of one push: it is called again with the same entry
  /// until it returns `done`.
  template <class Flow, class Expand>
  expected<progress> pass_each(const barrier& mark, Flow& flow, Expand&& expand) {
    for (; mark.present && passing_ < tables_.size(); ++passing_) {
      auto& from = tables_[passing_];
      if (!entered_)
        next_ = from.begin();
      entered_ = true;
      flow.enter(partition_id(static_cast<std::uint32_t>(passing_) * replicas_ + index_));
      for (; next_ != from.end(); ++next_) {
        auto expanded = expand(*next_);
        if (!expanded || *expanded == progress::blocked)
          return expanded;
      }
      entered_ = false;
    }
    clear();
    return progress::done;
  }

private:
  [[gnu::noinline]] void grow(std::size_t size) { tables_.resize(size); }

  std::uint32_t replicas_ = 1;
  std::uint32_t index_ = 0;
  std::vector<table> tables_; ///< By partition / replicas.
  retained_bytes retained_;
  std::size_t passing_ = 0; ///< Where `pass_on` resumes.
  bool entered_ = false;
  typename table::iterator next_{};
};

} // namespace weir::detail
