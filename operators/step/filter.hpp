// Drops the records a predicate rejects.
#pragma once

#include <weir/operators/step/step.hpp>

#include <string_view>

namespace weir::step {

/// Keeps the records for which `keep(record)` is true. Order is kept.
template <class Predicate>
class filter {
public:
  static constexpr std::string_view kind = "filter";
  template <class In>
  using output = In;

  explicit filter(Predicate keep) : keep_(std::move(keep)) {}
  void begin(const batch& whole) { begin_function(keep_, whole); }

  template <class Record, class Next>
  void on_record(Record&& record, Next&& next) {
    guarded(
        std::forward<Record>(record),
        [&]() -> bool { return std::invoke(keep_, value_of(std::as_const(record))); }, next,
        [&](bool kept) {
          if (kept)
            next.on_record(std::forward<Record>(record));
        });
  }

private:
  [[no_unique_address]] Predicate keep_;
};

} // namespace weir::step
