// Turns the value of each (key, value) record into another one; the key stays.
#pragma once

#include <weir/operators/step/step.hpp>

#include <string_view>
#include <utility>

namespace weir::step {

/// Passes on `(key, change(value))`. Keys and partitioning are kept.
template <class Function>
class map_values {
public:
  static constexpr std::string_view kind = "map_values";
  template <class Pair>
  using changed = std::pair<
      typename Pair::first_type,
      std::remove_cvref_t<std::invoke_result_t<Function&, const typename Pair::second_type&>>>;
  template <class In>
  using output = as_timed_as<In, changed<untimed_t<In>>>;

  explicit map_values(Function change) : change_(std::move(change)) {}
  void begin(const batch& whole) { begin_function(change_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    using out = changed<untimed_t<std::remove_cvref_t<Record>>>;
    guarded(
        std::forward<Record>(record),
        [&]() -> decltype(auto) {
          return std::invoke(change_, value_of(std::as_const(record)).second);
        },
        next,
        [&](auto&& value) {
          next.on_record(with_time_of(record, out(value_of(std::forward<Record>(record)).first,
                                                  std::forward<decltype(value)>(value))));
        });
  }

private:
  [[no_unique_address]] Function change_;
};

} // namespace weir::step
