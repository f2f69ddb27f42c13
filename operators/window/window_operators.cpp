#include <weir/operators/window/window_operators.hpp>

#include <fmt/format.h>

#include <limits>

namespace weir::detail {
namespace {

double in_milliseconds(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

} // namespace

window_shape checked_window(composition& composed, node_id input, duration length, duration slide,
                            std::source_location where) {
  const auto interval = composed.options.batch_interval;
  const std::int64_t given_every = composed.graph.slide_of(input);
  const duration unit = interval * given_every;
  const auto mistaken = [&](const char* what, duration is) {
    if (is > duration::zero() && is % unit == duration::zero() &&
        is / interval <= std::numeric_limits<std::int32_t>::max())
      return false;
    composed.graph.add_mistake(
        error(
            errc::invalid_graph,
            fmt::format("the {} of a window is {} ms; it must be a multiple of {} ms, which is how "
                        "often '{}' gives a batch",
                        what, in_milliseconds(is), in_milliseconds(unit),
                        composed.graph.at(input).label()))
            .at(where));
    return true;
  };
  if (slide == duration::zero())
    slide = unit;
  // Both are looked at: the user gets all mistakes at once.
  const bool wrong_length = mistaken("length", length);
  const bool wrong_slide = mistaken("slide", slide);
  if (wrong_length || wrong_slide)
    return {.length = given_every, .slide = given_every};
  return {.length = length / interval, .slide = slide / interval};
}

} // namespace weir::detail
