// One line per option.
#include <weir/backpressure/internal/check_options.hpp>

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string_view>

namespace weir::internal {

namespace {

expected<void> refuse(std::string_view field, double value, std::string_view range) {
  return error{errc::invalid_config,
               fmt::format("rate_control.{} is {}; it must be {}", field, value, range)};
}

bool positive(double v) { return std::isfinite(v) && v > 0; }

expected<void> check_bounds(std::string_view whose, const rate_bounds& bounds) {
  if (!std::isfinite(bounds.floor) || bounds.floor < 0)
    return refuse(fmt::format("{}.floor", whose), bounds.floor, ">= 0 (per second)");
  if (bounds.ceiling && !positive(*bounds.ceiling))
    return refuse(fmt::format("{}.ceiling", whose), *bounds.ceiling,
                  "> 0 (per second), or nullopt for none");
  if (bounds.ceiling && *bounds.ceiling < bounds.floor)
    return refuse(fmt::format("{}.ceiling", whose), *bounds.ceiling,
                  fmt::format(">= the floor, {}", bounds.floor));
  return {};
}

} // namespace

expected<void> check_options(const rate_control_options& options) {
  const auto& extensions = options.extensions;
  if (!positive(options.first_batch_rate))
    return refuse("first_batch_rate", options.first_batch_rate, "> 0 (per second)");
  if (auto valid = check_bounds("job", options.job); !valid)
    return valid;
  if (auto valid = check_bounds("partition", options.partition); !valid)
    return valid;
  for (const auto& one : options.single)
    if (!positive(one.ceiling))
      return refuse(fmt::format("single['{}', {}].ceiling", one.topic, one.partition), one.ceiling,
                    "> 0 (per second)");
  if (extensions.max_rise && !(*extensions.max_rise > 1))
    return refuse("extensions.max_rise", *extensions.max_rise, "> 1, or nullopt for none");
  if (extensions.drain_above && !positive(*extensions.drain_above))
    return refuse("extensions.drain_above", *extensions.drain_above,
                  "> 0 batch intervals, or nullopt for never");
  if (extensions.reset_after && !positive(*extensions.reset_after))
    return refuse("extensions.reset_after", *extensions.reset_after,
                  "> 0 batch intervals, or nullopt for never");
  return {};
}

} // namespace weir::internal
