// Looks at each record and passes it on unchanged.
#pragma once

#include <weir/operators/step/step.hpp>

#include <string_view>

namespace weir::step {

/// Calls `look(record)` for its effect. Order is kept.
template <class Function>
class inspect {
public:
  static constexpr std::string_view kind = "inspect";
  template <class In>
  using output = In;

  explicit inspect(Function look) : look_(std::move(look)) {}
  void begin(const batch& whole) { begin_function(look_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    guarded(
        std::forward<Record>(record), [&] { std::invoke(look_, value_of(std::as_const(record))); },
        next, [&] { next.on_record(std::forward<Record>(record)); });
  }

private:
  [[no_unique_address]] Function look_;
};

} // namespace weir::step
