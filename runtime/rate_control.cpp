// A rate decision in words.
#include <weir/runtime/rate_control.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace weir {

std::string_view to_string(rate_clamp clamp) noexcept {
  switch (clamp) {
  case rate_clamp::none:
    return "none";
  case rate_clamp::first_batch:
    return "first_batch";
  case rate_clamp::no_estimate:
    return "no_estimate";
  case rate_clamp::data_bound:
    return "data_bound";
  case rate_clamp::min_rate:
    return "min_rate";
  case rate_clamp::max_rise:
    return "max_rise";
  case rate_clamp::drain:
    return "drain";
  case rate_clamp::floor:
    return "floor";
  case rate_clamp::ceiling:
    return "ceiling";
  case rate_clamp::partition_ceiling:
    return "partition_ceiling";
  case rate_clamp::partition_floor:
    return "partition_floor";
  case rate_clamp::off:
    return "off";
  }
  return "unknown";
}

std::string_view to_string(rate_unit unit) noexcept {
  return unit == rate_unit::bytes ? "bytes" : "records";
}

namespace {

std::string_view reason(rate_clamp clamp) noexcept {
  switch (clamp) {
  case rate_clamp::none:
    return "the law's value";
  case rate_clamp::first_batch:
    return "no batch has been measured yet";
  case rate_clamp::no_estimate:
    return "the batch told nothing, so the rate stays";
  case rate_clamp::data_bound:
    return "less data than allowed, so the rate is not lowered";
  case rate_clamp::min_rate:
    return "raised to min_rate";
  case rate_clamp::max_rise:
    return "held back by max_rise";
  case rate_clamp::drain:
    return "lowered for this batch to work off delay";
  case rate_clamp::floor:
    return "raised to the job's floor";
  case rate_clamp::ceiling:
    return "lowered to the job's ceiling";
  case rate_clamp::partition_ceiling:
    return "ceilings or the pace of partitions allow less than this rate";
  case rate_clamp::partition_floor:
    return "floors of partitions ask for more than this rate";
  case rate_clamp::off:
    return "rate control is off";
  }
  return "unknown";
}

std::string rate_text(const std::optional<double>& rate) {
  return rate ? fmt::format("{:.6g}", *rate) : std::string("unlimited");
}

} // namespace

std::string rate_decision::explain() const {
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "{} -> {} {}/s: {}", rate_text(rate_before), rate_text(rate_after),
                 to_string(unit), reason(clamp));
  if (measured_rate)
    fmt::format_to(out, "; measured {:.6g}/s", *measured_rate);
  if (capacity)
    fmt::format_to(out, "; {:.6g}/s should fit an interval", *capacity);
  if (nanoseconds_per_unit > 0 && fixed_cost.count() > 0)
    fmt::format_to(out, " (small batches took {:.3g} ms; {:.3g} ns each beside that)",
                   static_cast<double>(fixed_cost.count()) / 1e6, nanoseconds_per_unit);
  else if (nanoseconds_per_unit > 0)
    fmt::format_to(out, " ({:.3g} ns each)", nanoseconds_per_unit);
  if (measured_rate)
    fmt::format_to(out, "; P {:.6g}, I {:.6g}, D {:.6g}", proportional, integral, derivative);
  if (drain != 0)
    fmt::format_to(out, ", {} {:.6g}", drain > 0 ? "drain" : "fill", std::abs(drain));
  fmt::format_to(out, "; the next batch should wait {:.3g} ms",
                 static_cast<double>(expected_delay.count()) / 1e6);
  if (!split.empty()) {
    std::uint64_t sum = 0;
    bool unlimited = false;
    for (const auto& s : split) {
      sum += s.max_records.value_or(0);
      unlimited = unlimited || !s.max_records;
    }
    if (unlimited)
      fmt::format_to(out, "; {} partitions, not all limited", split.size());
    else
      fmt::format_to(out, "; {} records over {} partitions", sum, split.size());
  }
  return text;
}

} // namespace weir
