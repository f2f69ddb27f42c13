// What `context::start` says of state that a user might take for safe. Used by context.cpp.
#pragma once

#include <weir/runtime/graph.hpp>

#include <string>

namespace weir {

/// Which operators lose what they remember when the job ends, and which have to share it with other
/// processes of a group; empty when there are none.
[[nodiscard]] std::string state_warning(const graph& composed);

} // namespace weir
