// Time that records carry: watermarks, windows, sessions, joins in time. A part of
// stream_operators.hpp.
#pragma once

#include <weir/operators/detail/compose.hpp>
#include <weir/operators/event_time/windowed_stream.hpp>
#include <weir/operators/step/assign_timestamps.hpp>
#include <weir/operators/step/without_time.hpp>

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

  /// The values of timed records.
  [[nodiscard]] auto without_time(here where = here::current()) const
    requires is_timed<T>
  {
    return self().open_chain().then(step::without_time(), where);
  }

  // ---- windows of event time, on timed records

  /// Windows of `size` that follow each other from 1970 on, UTC, moved by `offset`: `size` > 0,
  /// |offset| < size.
  [[nodiscard]] auto tumbling(std::chrono::milliseconds size, std::chrono::milliseconds offset = {},
                              here where = here::current()) const
    requires is_timed<T>
  {
    return in_windows("tumbling", size, size, offset, where);
  }

  /// Windows of `size` that begin at every multiple of `slide` from 1970 on, UTC, moved by
  /// `offset`: 0 < slide <= size, |offset| < slide. A record counts in each window that holds it.
  [[nodiscard]] auto sliding(std::chrono::milliseconds size, std::chrono::milliseconds slide,
                             std::chrono::milliseconds offset = {},
                             here where = here::current()) const
    requires is_timed<T>
  {
    return in_windows("sliding", size, slide, offset, where);
  }

  /// Sessions: a record lasts for `gap`, > 0, from its time on, and records that touch are in one
  /// session, which ends with the last of them. For `append` and `complete`.
  [[nodiscard]] auto session(std::chrono::milliseconds gap, here where = here::current()) const
    requires is_timed<T>
  {
    if (gap.count() <= 0)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph, "session() was given a gap that is not > 0").at(where));
    return windowed_stream<Derived, detail::sessions>(self(), detail::sessions(gap), "session");
  }

  /// One result over all batches so far, per key or over all records: `.running().emit(update)`, or
  /// `complete`. Never forgets a key. Of timed records the value counts.
  [[nodiscard]] auto running() const {
    return windowed_stream<Derived, detail::all_time>(self(), {}, "running");
  }

  /// The results of windows as timed records, `(key, value)` or `value`, at the last instant of
  /// their window: to aggregate them again over event time. For results that are final (`append`).
  [[nodiscard]] auto at_window_end(here where = here::current()) const
    requires detail::is_windowed<T>
  {
    const auto open = self().open_chain();
    if (const auto mode = open.emits(); mode && *mode != output_mode::append)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                "at_window_end() stands behind an aggregation that emits " +
                    std::string(to_string(*mode)) +
                    ": its results change later, and would be late for what follows; emit append")
              .at(where));
    // The watermark is lower behind this node than in it.
    return open.map([](const T& result) { return detail::at_end_of_window(result); }, where)
        .share(where);
  }

private:
  [[nodiscard]] auto in_windows(const char* kind, std::chrono::milliseconds size,
                                std::chrono::milliseconds slide, std::chrono::milliseconds offset,
                                here where) const {
    const bool possible = slide.count() > 0 && slide <= size && offset < slide && -offset < slide;
    if (!possible)
      self().composed()->graph.add_mistake(
          error(errc::invalid_graph,
                std::string(kind) +
                    "() was given windows that cannot be: size and slide must be > 0, the slide at "
                    "most the size, and the offset nearer to 0 than the slide")
              .at(where));
    return windowed_stream<Derived, detail::sliding_windows>(
        self(),
        possible ? detail::sliding_windows(size, slide, offset)
                 : detail::sliding_windows({}, {}, {}),
        kind);
  }

  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }
};

} // namespace weir
