// Where a batch stands in its sources, as bytes: by it a store knows after a crash whether what it
// has prepared counts. Used by state_tables.hpp.
#pragma once

#include <weir/runtime/batch.hpp>
#include <weir/runtime/expected.hpp>

#include <string>
#include <string_view>

namespace weir::detail {

/// The ranges that the batch reads.
[[nodiscard]] std::string place_of(const batch& whole);

/// Judges a batch that was prepared when the process died, by where reading goes on: from where it
/// began too (it is read again, and what was prepared must go), or not (it counts; sources that
/// cannot be read again never go back).
/// @param place of that batch. @param next the first batch of this run.
/// @returns whether it counts; errc::invalid_state when one of its partitions goes back and another
/// does not.
[[nodiscard]] expected<bool> counts_before(std::string_view place, const batch& next);

} // namespace weir::detail
