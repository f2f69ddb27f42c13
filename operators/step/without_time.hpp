// Drops the event time of timed records.
#pragma once

#include <weir/operators/step/step.hpp>

#include <string_view>

namespace weir::step {

/// Passes on the value. Order is kept.
class without_time {
public:
  static constexpr std::string_view kind = "without_time";
  template <class In>
  using output = untimed_t<In>;

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    next.on_record(value_of(std::forward<Record>(record)));
  }
};

} // namespace weir::step
