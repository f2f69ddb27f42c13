// Looks the key of each record up in a table.
#pragma once

#include <weir/operators/detail/side_reader.hpp>
#include <weir/operators/step/step.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir::step {

/// How records carry a value of a table: strings as views, so that no record allocates.
template <class Value>
struct in_record {
  using type = Value;
};
template <>
struct in_record<std::string> {
  using type = std::string_view;
};
template <class Value>
using in_record_t = typename in_record<Value>::type;

/// Passes on `(key, (value, found))`. Records whose key is not in the table are dropped, or, when
/// `Outer`, pass with nullopt. Order, keys and partitioning are kept.
template <class Table, bool Outer>
class join_table {
  using found_value = in_record_t<typename Table::mapped_type>;
  using found_side = std::conditional_t<Outer, std::optional<found_value>, found_value>;
  template <class Pair>
  using looked_up =
      std::pair<typename Pair::first_type, std::pair<typename Pair::second_type, found_side>>;

public:
  static constexpr std::string_view kind = Outer ? "left_outer_join_table" : "join_table";
  static constexpr bool makes_own_views = true; ///< Of the table's strings.
  template <class In>
  using output = as_timed_as<In, looked_up<untimed_t<In>>>;

  explicit join_table(std::size_t place) : table_(place) {}
  void begin(const batch& whole) { table_.begin(whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    using out = looked_up<untimed_t<std::remove_cvref_t<Record>>>;
    const auto* found = table_->find(value_of(std::as_const(record)).first);
    if constexpr (!Outer)
      if (!found)
        return;
    next.on_record(with_time_of(
        record, out(value_of(std::forward<Record>(record)).first,
                    typename out::second_type(value_of(std::forward<Record>(record)).second,
                                              found ? found_side(*found) : found_side()))));
  }

private:
  weir::detail::side_reader<Table> table_;
};

/// Passes on `(key, combine(value, found))`, where `found` is a reference to the table's value or,
/// when `Outer`, a pointer to it that may be null.
template <class Table, bool Outer, class Function>
class join_table_with {
  using found_value = std::conditional_t<Outer, const typename Table::mapped_type*,
                                         const typename Table::mapped_type&>;
  template <class Pair>
  using combined = std::pair<typename Pair::first_type,
                             std::remove_cvref_t<std::invoke_result_t<
                                 Function&, const typename Pair::second_type&, found_value>>>;

public:
  static constexpr std::string_view kind = join_table<Table, Outer>::kind;
  static constexpr bool makes_own_views =
      true; ///< What `combine` returns may point into the table.
  template <class In>
  using output = as_timed_as<In, combined<untimed_t<In>>>;

  join_table_with(std::size_t place, Function combine)
      : table_(place), combine_(std::move(combine)) {}
  void begin(const batch& whole) {
    table_.begin(whole);
    begin_function(combine_, whole);
  }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    using out = combined<untimed_t<std::remove_cvref_t<Record>>>;
    const auto& [key, value] = value_of(std::as_const(record));
    const auto* found = table_->find(key);
    if constexpr (!Outer)
      if (!found)
        return;
    guarded(
        std::forward<Record>(record),
        [&]() -> decltype(auto) {
          if constexpr (Outer)
            return std::invoke(combine_, value, found);
          else
            return std::invoke(combine_, value, *found);
        },
        next,
        [&](auto&& made) {
          // NOLINTNEXTLINE(bugprone-use-after-move): the key alone is moved out of the record
          next.on_record(with_time_of(record, out(value_of(std::forward<Record>(record)).first,
                                                  std::forward<decltype(made)>(made))));
        });
  }

private:
  weir::detail::side_reader<Table> table_;
  [[no_unique_address]] Function combine_;
};

} // namespace weir::step
