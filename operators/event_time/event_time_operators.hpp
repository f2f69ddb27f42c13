// Time that records carry: watermarks, windows, sessions, joins in time. A part of
// stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/step/assign_timestamps.hpp>

#include <source_location>

namespace weir {

/// See stream_operators.hpp.
template <class Derived, class T>
class event_time_operators {
public:
  using here = std::source_location;

  /// `timed` records: each with the event time that `extract(record)` gives, a time_point of the
  /// system's clock or an optional one. From here on a watermark says how far event time has come.
  /// A record has no valid time, and is treated as one for which `extract` throws, when it has
  /// none, one before 1970, or one more than `max_skew` ahead of the batch time. Once per way from
  /// a source.
  template <operator_function<T> F>
  [[nodiscard]] auto assign_timestamps(F extract, watermark_options options = {},
                                       here where = here::current()) const {
    static_assert(!is_timed<T>, "the records have event times already");
    const auto& graph = self().composed();
    if (options.max_out_of_orderness < std::chrono::milliseconds{} ||
        options.idle_after < duration{} || options.max_skew < duration{})
      graph->graph.add_mistake(error(errc::invalid_graph,
                                     "assign_timestamps() was given a negative duration; "
                                     "max_out_of_orderness, idle_after and max_skew are >= 0")
                                   .at(where));
    return self()
        .open_chain()
        .then(step::assign_timestamps<F>(std::move(extract), options.max_skew), where)
        .assigning(options);
  }

private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
};

} // namespace weir
