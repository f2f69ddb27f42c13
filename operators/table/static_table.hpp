// A table that is given once.
#pragma once

#include <weir/operators/table/table_version.hpp>
#include <weir/runtime/side_value.hpp>

namespace weir {

/// A table for `join_table` that never changes. A cheap handle; several contexts may use it. Its
/// memory is the program's own and counts for no budget.
template <class Key, class Value>
class static_table {
public:
  using version = table_version<Key, Value>;

  /// @param entries a range of (key, value), such as a std::map or a vector of pairs; of two with
  /// the same key the later one counts.
  template <std::ranges::input_range Entries>
  explicit static_table(Entries&& entries)
      : fixed_(std::make_shared<fixed>(version(std::forward<Entries>(entries)))) {}
  explicit static_table(std::initializer_list<std::pair<Key, Value>> entries)
      : fixed_(std::make_shared<fixed>(version(entries))) {}

  [[nodiscard]] std::size_t size() const noexcept { return fixed_->only->size(); }

  /// For operators.
  [[nodiscard]] std::shared_ptr<side_value> side() const { return fixed_; }

private:
  struct fixed final : side_value {
    explicit fixed(version entries) : only(std::make_shared<const version>(std::move(entries))) {}
    [[nodiscard]] std::shared_ptr<const void> current() const override { return only; }
    [[nodiscard]] std::string name() const override { return "static_table"; }

    std::shared_ptr<const version> only;
  };

  std::shared_ptr<fixed> fixed_;
};

} // namespace weir
