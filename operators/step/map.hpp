// Turns each record into another one.
#pragma once

#include <weir/operators/step/step.hpp>

#include <string_view>

namespace weir::step {

/// Passes on `change(record)`. Order is kept.
template <class Function>
class map {
public:
  static constexpr std::string_view kind = "map";
  template <class In>
  using output =
      as_timed_as<In, std::remove_cvref_t<std::invoke_result_t<Function&, const untimed_t<In>&>>>;

  explicit map(Function change) : change_(std::move(change)) {}
  void begin(const batch& whole) { begin_function(change_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    guarded(
        std::forward<Record>(record),
        [&]() -> decltype(auto) { return std::invoke(change_, value_of(std::as_const(record))); },
        next,
        [&](auto&& changed) {
          next.on_record(with_time_of(record, std::forward<decltype(changed)>(changed)));
        });
  }

private:
  [[no_unique_address]] Function change_;
};

} // namespace weir::step
