// Refuses rate control options outside their range, once, when a controller is made.
#pragma once

#include <weir/runtime/expected.hpp>
#include <weir/runtime/rate_control.hpp>

namespace weir::internal {

/// @returns errc::invalid_config naming the field, its value and the allowed range. Gains are
/// checked by the law.
expected<void> check_options(const rate_control_options& options);

} // namespace weir::internal
